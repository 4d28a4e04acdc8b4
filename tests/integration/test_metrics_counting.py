"""What a worker's process counts of what Celery tells it, and how it goes on where it cannot."""

from collections.abc import Iterator
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.exceptions import WorkerLostError
from prometheus_client import CollectorRegistry, values
from structlog.testing import capture_logs

from app import wiring
from app.domain.market import microseconds
from app.metrics import Health, Taken, files
from tasks import _metrics as counting
from tasks._base import RECEIVED
from tasks._progress import pulse

WORKER = SimpleNamespace(hostname="trial@here")
TASK: Any = SimpleNamespace(name="t", request=SimpleNamespace(id="1"))


@pytest.fixture(autouse=True)
def apart(wired: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a worker changes in its process is put back."""
    library: Any = values
    monkeypatch.setattr(library, "ValueClass", library.ValueClass)
    monkeypatch.setenv(files.FOLDER, "")
    monkeypatch.setattr(counting, "SWEEP_S", 0.01)
    for name in ("files", "tasks", "endpoint", "stopped"):
        monkeypatch.setattr(counting.Counting, name, getattr(counting.Counting, name))
    yield
    if hasattr(library.ValueClass, "close_all_files"):
        library.ValueClass.close_all_files()


def value(name: str, **labels: str) -> float | None:
    assert counting.Counting.files is not None
    registry = CollectorRegistry()
    registry.register(counting.Counting.files)
    return registry.get_sample_value(name, labels)


def all_handlers() -> None:
    counting.begin_child()
    counting.serve()
    counting.begun(TASK)
    counting.ended(TASK, "SUCCESS")
    counting.lost(TASK, "1", WorkerLostError())
    counting.revoked(TASK)
    counting.refused()
    counting.leave()


def test_each_outcome_is_counted_once() -> None:
    counting.begin(WORKER)
    all_handlers()
    counting.lost(TASK, "another", WorkerLostError())

    for outcome in ("success", "lost", "revoked"):
        assert value("tasks_total", task="t", outcome=outcome) == 1
    assert value("tasks_total", task="?", outcome="refused") == 1


def a_link(name: str, **headers: int) -> Any:
    return SimpleNamespace(name=f"tasks.{name}", request=SimpleNamespace(id="1", headers=headers))


def test_the_way_of_a_tick_is_told_by_stage_as_far_as_it_came() -> None:
    counting.begin(WORKER)
    received = {RECEIVED: microseconds(wiring.now()) - 2_000_000}

    for link, handed_on in (
        (a_link("signals.find", **received), 1),
        (a_link("signals.find", **received), 0),
        (a_link("signals.find"), 1),
        (a_link("risk.approve", **received), None),
        (a_link("orders.place", **received), "ORDER"),
        (a_link("orders.settle", **received), "ORDER"),
    ):
        counting.begun(link)
        counting.ended(link, "SUCCESS", handed_on)

    told = {stage: value("tick_latency_seconds_count", stage=stage) for stage in ("bar", "signal", "approval", "order")}
    assert told == {"bar": 2, "signal": 1, "approval": None, "order": 1}
    assert (value("tick_latency_seconds_sum", stage="order") or 0) >= 2


def test_who_has_left_may_leave_again() -> None:
    counting.begin(WORKER)
    all_handlers()

    counting.leave()

    assert counting.Counting.endpoint is None


@pytest.mark.parametrize("error", [Taken("another process counts"), OSError(28, "No space left on device")])
def test_a_worker_that_cannot_count_says_so_and_works(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(service: str) -> None:
        raise error

    monkeypatch.setattr(wiring, "metric_files", refuse)
    with capture_logs() as logs:
        counting.begin(WORKER)
        all_handlers()

    assert [one["event"] for one in logs] == ["tasks are not counted"]


def test_a_worker_that_cannot_count_is_asked_for_its_health_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Health] = []

    def endpoint(service: str, *collectors: Any, health: Health) -> Any:
        assert None not in collectors
        begun.append(health)
        return SimpleNamespace(begin=bool, end=bool)

    monkeypatch.setattr(wiring, "metrics_endpoint", endpoint)
    pulse.beat()
    counting.serve()
    counting.leave()

    assert begun[0].health()[0]


def test_a_child_that_cannot_count_says_so_and_works() -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    counting.Counting.files = SimpleNamespace(process=full)  # type: ignore[assignment]
    with capture_logs() as logs:
        counting.begin_child()

    assert [one["event"] for one in logs] == ["tasks are not counted"]
    assert counting.Counting.files is None


def test_a_full_disk_is_told_once_by_the_sweep() -> None:
    stopped, times = Event(), []

    def full() -> None:
        times.append(1)
        if len(times) == 3:
            stopped.set()
        if len(times) > 1:
            raise OSError(28, "No space left on device")

    with capture_logs() as logs:
        counting.sweep(SimpleNamespace(sweep=full), stopped)  # type: ignore[arg-type]

    assert len(logs) == 1
