"""Where Prometheus asks, and what a port does that somebody else has."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from structlog.testing import capture_logs

from app.metrics import Endpoint, Health, Totals, endpoint
from tests.fixtures.workers import until
from workers.ports import free_port

Serve = Callable[[int], Endpoint]


@dataclass
class Ears:
    """What was told of the service's health: changes, looks, and that it has ended."""

    changes: list[Mapping[str, Any]] = field(default_factory=list)
    looks: int = 0
    ends: int = 0

    def change(self, told: Mapping[str, Any]) -> None:
        self.changes.append(told)

    def look(self, told: Mapping[str, Any]) -> None:
        self.looks += 1

    def end(self) -> None:
        self.ends += 1


@pytest.fixture
def wrong() -> dict[str, str]:
    """What is wrong with the service, by name."""
    return {}


@pytest.fixture
def heard() -> Ears:
    """Who is told."""
    return Ears()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str], heard: Ears) -> Iterator[Serve]:
    """Serves what the farm has counted: seven bars, and two requests too many."""
    monkeypatch.setattr(endpoint, "RETRY_S", 0.02)
    monkeypatch.setattr(endpoint, "LOOK_S", 0.02)
    begun: list[Endpoint] = []

    def start(port: int) -> Endpoint:
        counts = {"bars_closed": 7, "answers_429": 2, "another": 1}
        health = Health("risk", lambda: wrong.get("loop"), {"redis": lambda: wrong.get("redis")})
        one = Endpoint("127.0.0.1", port, Totals(lambda: counts), health=health, telling=heard, cure="take another")
        begun.append(one)
        one.begin()
        return one

    yield start
    for one in begun:
        one.end()


def said(port: int, path: str = "/metrics") -> str:
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return str(answer.read(), "utf-8")


def answers(port: int) -> bool:
    try:
        return bool(said(port))
    except (URLError, OSError):
        return False


def test_what_was_counted_is_told_in_prometheus_words(serve: Serve) -> None:
    port = free_port()
    serve(port)

    lines = said(port).splitlines()

    assert "# TYPE bars_closed_total counter" in lines
    assert "bars_closed_total 7.0" in lines
    assert 'venue_answers_total{status="429"} 2.0' in lines
    assert not [line for line in lines if "another" in line or "ticks" in line]


def test_there_is_nothing_else(serve: Serve) -> None:
    port = free_port()
    serve(port)

    with pytest.raises(HTTPError) as refused:
        said(port, "/")
    with closing(refused.value):
        assert refused.value.code == 404


def test_a_port_that_is_taken_is_told_once_with_its_cure_and_used_when_it_is_free(serve: Serve) -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        port = somebody.getsockname()[1]
        with capture_logs() as logs:
            serve(port)
        assert [(one["event"], one["cure"]) for one in logs] == [("metrics are not served", "take another")]

    until(lambda: answers(port), "an answer")


def test_a_port_of_zero_is_none(serve: Serve) -> None:
    with capture_logs() as logs:
        serve(0)

    assert logs == []


def judged(port: int, path: str) -> tuple[int, dict[str, Any]]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


def test_a_service_that_lacks_something_is_alive_and_not_ready(serve: Serve, wrong: dict[str, str]) -> None:
    port = free_port()
    serve(port)
    assert judged(port, "/health") == (200, {"service": "risk", "healthy": True, "reason": None})
    assert judged(port, "/ready")[0] == 200
    assert 'service_health{service="risk"} 1.0' in said(port)

    wrong["redis"] = "Redis does not answer"

    assert judged(port, "/health")[0] == 200
    assert judged(port, "/ready") == (
        503,
        {
            "service": "risk",
            "ready": False,
            "checks": {
                "progress": {"ok": True, "reason": None},
                "redis": {"ok": False, "reason": "Redis does not answer"},
            },
        },
    )
    assert 'service_health{service="risk"} 0.0' in said(port)


def test_a_service_that_makes_no_progress_is_neither(serve: Serve, wrong: dict[str, str]) -> None:
    port = free_port()
    serve(port)

    wrong["loop"] = "its loop has stood still for 11 s"

    assert judged(port, "/health") == (503, {"service": "risk", "healthy": False, "reason": wrong["loop"]})
    assert judged(port, "/ready")[0] == 503


def test_a_service_that_nobody_can_ask_tells_how_it_is_until_it_ends(serve: Serve, heard: Ears) -> None:
    one = serve(0)
    until(lambda: heard.looks > 2, "some looks")

    one.end()

    assert (len(heard.changes), heard.ends) == (1, 1)


def test_a_change_is_told_once(serve: Serve, wrong: dict[str, str], heard: Ears) -> None:
    serve(free_port())
    until(lambda: len(heard.changes) == 1, "the beginning")

    wrong["redis"] = "Redis does not answer"
    until(lambda: len(heard.changes) == 2, "the change")
    del wrong["redis"]
    until(lambda: len(heard.changes) == 3, "the change back")

    assert [told["healthy"] for told in heard.changes] == [True, False, True]
    assert heard.changes[1] == {"service": "risk", "healthy": False, "reason": "redis: Redis does not answer"}
