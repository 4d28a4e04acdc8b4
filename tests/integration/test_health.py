"""What a probe is told of the servers that a service needs, in time, also while they hang."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from urllib.request import urlopen

import psutil
import pytest

from app import wiring
from app.metrics import Figures, Health
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.farm import configured
from tests.fixtures.redis_server import OwnRedis
from tests.fixtures.stoppable import Stoppable
from workers.ports import free_port

QUICK_S = 9.0  # Prometheus waits ten


@contextmanager
def hung(server: OwnRedis) -> Iterator[None]:
    """It takes connections, and answers nothing."""
    path = server.url.removeprefix("unix://")
    [process] = [one for one in psutil.process_iter() if any(path in word for word in _command(one))]
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has just ended
        return []


def test_books_that_upkeep_has_not_read_for_long_are_not_known(wired: None) -> None:
    figures: Figures = {"equity": [([], 10_000.0)], "reconciliation_age_seconds": [([], 3.0)]}
    wiring.stored_figures().write(figures, wiring.now())
    assert wiring.needs_books() is None

    wiring.stored_figures().write(figures, wiring.now() - timedelta(seconds=100))

    assert (wiring.needs_books() or "").startswith("upkeep has not read the books for 10")


def test_a_service_tells_the_figures_that_upkeep_has_read_and_its_own_health(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    with configured({**farm_settings, "CDB_PORT_ORDERS": str(port)}, monkeypatch):
        wiring.stored_figures().write({"trades_total": [([], 3.0)]}, wiring.now())
        health = Health("orders", needs={"redis": wiring.needs_redis})
        endpoint = wiring.metrics_endpoint("orders", wiring.farm_figures(["orders"]), health=health)
        with wiring.redis().pubsub(ignore_subscribe_messages=True) as listener:  # type: ignore[no-untyped-call]
            listener.subscribe(wiring.keys().topic("system_health"))
            listener.get_message(ignore_subscribe_messages=False, timeout=PATIENCE_S)
            endpoint.begin()
            try:
                told = listener.get_message(timeout=PATIENCE_S)
                with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as answer:
                    lines = answer.read().decode().splitlines()
            finally:
                endpoint.end()

    assert json.loads(told["data"])["data"] == {"service": "orders", "healthy": True, "reason": None}
    assert {"trades_total 3.0", 'service_health{service="orders"} 1.0'} <= set(lines)
    assert any(line.startswith("figures_age_seconds ") for line in lines)


def test_a_redis_that_hangs_is_told_before_prometheus_gives_up(
    farm_settings: dict[str, str], own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured(farm_settings, monkeypatch):
        assert wiring.needs_redis() is None
        monkeypatch.setattr("app.wiring._redis.ASKED_S", 0.2)
        wiring.reset()
        with hung(own_redis):
            began = time.monotonic()
            figures = list(wiring.farm_figures(["risk"]).collect())
            counts = list(wiring.totals().collect())
            reasons = [wiring.needs_redis(), wiring.needs_books(), wiring.needs_feed()]
            took_s = time.monotonic() - began

    assert figures == []
    assert [one.samples for one in counts] == [[]]
    assert all((reason or "").startswith("Redis does not answer: ") for reason in reasons)
    assert took_s < QUICK_S


def test_a_postgresql_is_reached_where_its_url_says_and_not_while_it_hangs(
    farm_settings: dict[str, str], stoppable: Stoppable, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm_settings["CDB_DATABASE_URL"] = stoppable.url
    with configured(farm_settings, monkeypatch):
        assert wiring.needs_database() is None
        with stoppable.paused(), monkeypatch.context() as patched:
            patched.setattr("app.wiring._metrics.REACHED_S", 0.2)
            assert "does not answer: timed out" in (wiring.needs_database() or "")
        assert wiring.needs_database() is None
        stoppable.stop()
        assert "does not answer" in (wiring.needs_database() or "")


def test_a_gate_without_a_postgresql_behind_it_is_no_database(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gate:
        port = gate.getsockname()[1]
        farm_settings["CDB_DATABASE_URL"] = f"postgresql://somebody@127.0.0.1:{port}/farm"
        with configured(farm_settings, monkeypatch), ThreadPoolExecutor(1) as beside:
            shut = beside.submit(_shut, gate)
            assert wiring.needs_database() == f"PostgreSQL at 127.0.0.1:{port} takes no connections"
            shut.result()


def _shut(gate: socket.socket) -> None:
    with gate.accept()[0] as caller:
        caller.recv(8)


def test_a_postgresql_over_tcp_that_is_not_there_is_told(
    farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    farm_settings["CDB_DATABASE_URL"] = "postgresql://somebody:secret@127.0.0.1:1/farm"
    with configured(farm_settings, monkeypatch):
        reason = wiring.needs_database() or ""

    assert reason.startswith("PostgreSQL at 127.0.0.1:1 does not answer: ")
    assert "secret" not in reason
