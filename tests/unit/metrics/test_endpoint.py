"""Where Prometheus asks, and what a port does that somebody else has."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from structlog.testing import capture_logs

from app.metrics import Endpoint, Totals, endpoint
from tests.fixtures.workers import until
from workers.ports import free_port

Serve = Callable[[int], Endpoint]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves what the farm has counted: seven bars, and two requests too many."""
    monkeypatch.setattr(endpoint, "RETRY_S", 0.02)
    begun: list[Endpoint] = []

    def start(port: int) -> Endpoint:
        counts = {"bars_closed": 7, "answers_429": 2, "another": 1}
        one = Endpoint("127.0.0.1", port, Totals(lambda: counts), cure="take another")
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
