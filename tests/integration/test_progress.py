"""What a worker's main process tells of itself, and when it ends itself, over a real Redis."""

import os
import signal
import sys
from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from celery.signals import task_revoked, worker_shutting_down
from structlog.testing import capture_logs

from app import wiring
from app.celery import farm
from app.domain.progress import Beat
from tasks import _progress
from tasks._progress import Progress
from tests.fixtures import _trial_tasks as trial


class Hub:
    """Calls when the test says so."""

    turn: Callable[[], None]

    def call_repeatedly(self, seconds: float, call: Callable[[], None]) -> None:
        self.turn = call


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def reasons() -> list[str]:
    return []


@pytest.fixture
def progress(wired: None, hub: Hub, reasons: list[str]) -> Progress:
    """Of a worker on the queue of orders, whose loop is the hub."""
    queues = SimpleNamespace(consume_from={"orders": None})
    worker = SimpleNamespace(app=SimpleNamespace(amqp=SimpleNamespace(queues=queues)))
    made = Progress(worker, ending=reasons.append)
    made.register_with_event_loop(worker, hub)
    return made


def told() -> Beat | None:
    return wiring.heartbeats().read(os.getpid())


def test_each_turn_of_the_loop_is_told(progress: Progress, hub: Hub) -> None:
    hub.turn()
    hub.turn()

    beat = told()
    assert beat is not None
    assert (beat.turn, beat.queues) == (2, ("orders",))


def test_what_is_thrown_away_counts_as_begun(progress: Progress, hub: Hub) -> None:
    before = progress.beat()
    task_revoked.send(sender=farm, expired=True)

    assert progress.beat().begun == before.begun + 1


@pytest.mark.parametrize("end", ["stop", "terminate"])
def test_a_worker_that_stops_tells_nothing_more(progress: Progress, hub: Hub, end: str) -> None:
    hub.turn()
    getattr(progress, end)(None)
    hub.turn()

    assert told() is None


def test_a_worker_that_is_told_to_stop_may_take_its_time(progress: Progress, hub: Hub) -> None:
    hub.turn()
    worker_shutting_down.send(sender="orders", sig="SIGTERM", how="Warm", exitcode=0)
    hub.turn()

    assert told() is None


def test_a_folder_that_cannot_be_written_is_told_once_and_ends_nothing(progress: Progress, hub: Hub) -> None:
    folder: Path = wiring.settings().data_dir / "heartbeats"
    folder.write_text("not a folder")
    with capture_logs() as logs:
        hub.turn()
        hub.turn()

    assert [line["event"] for line in logs] == ["worker cannot tell of its progress"]
    folder.unlink()
    hub.turn()
    assert told() is not None


@pytest.fixture
def impatient(progress: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "BEAT_S", 0.01)
    monkeypatch.setenv("CDB_STUCK_S", "0.05")
    wiring.reset()


def test_a_worker_whose_loop_does_not_turn_while_messages_wait_ends_itself(
    progress: Progress, impatient: None, reasons: list[str]
) -> None:
    trial.hand.s("W").apply_async()

    progress.look()

    assert reasons == ["its event loop stood still for 0 s while a message waited"]


def test_a_worker_that_was_stopped_looks_no_more(progress: Progress, impatient: None, reasons: list[str]) -> None:
    trial.hand.s("W").apply_async()
    progress.stop(None)

    progress.look()

    assert reasons == []


@pytest.mark.timeout(30)
def test_signals_to_stop_may_come_at_any_instant_of_each_other(progress: Progress) -> None:
    """One that interrupts the handler of another waits for nothing that the other holds."""
    handlers, tracer = signal.getsignal(signal.SIGUSR1), sys.gettrace()
    signal.signal(signal.SIGUSR1, lambda *_: progress.leave())
    try:
        instants = 1
        while _interrupted(progress.leave, instants):
            instants += 1
    finally:
        sys.settrace(tracer)
        signal.signal(signal.SIGUSR1, handlers)

    assert instants > 5  # or it was hardly interrupted
    assert told() is None


def _interrupted(work: Callable[[], None], instant: int) -> bool:
    """Whether it lasts until its so manieth step, at which a signal comes."""
    steps = 0

    def step(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal steps
        steps += 1
        if steps == instant:
            signal.raise_signal(signal.SIGUSR1)
        return step

    sys.settrace(step)
    work()
    sys.settrace(None)
    return steps >= instant


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was ended, of a process with one child."""
    found: list[object] = []

    class Child:
        def kill(self) -> None:
            found.append("child")

    class Process:
        def children(self, *, recursive: bool) -> list[Child]:
            return [Child()]

    monkeypatch.setattr("tasks._progress.psutil.Process", Process)
    monkeypatch.setattr("tasks._progress.os._exit", found.append)
    return found


def test_a_stuck_worker_ends_with_its_children_and_says_where_it_stood(
    ended: list[object], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tasks._progress.sys.stderr", open(2, "w", closefd=False))  # noqa: SIM115
    with capture_logs() as logs:
        _progress.end("it hangs")

    assert ended == ["child", os.EX_SOFTWARE]
    assert [(line["event"], line["reason"]) for line in logs] == [("worker makes no progress, ending it", "it hangs")]
    assert "test_a_stuck_worker" in capfd.readouterr().err


def test_a_stuck_worker_ends_though_nobody_reads_what_it_says(
    ended: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks._progress.log.error", Mock(side_effect=BrokenPipeError), raising=False)

    with pytest.raises(BrokenPipeError):
        _progress.end("it hangs")

    assert ended == ["child", os.EX_SOFTWARE]


def test_how_many_messages_wait_is_known_while_redis_answers(
    wired: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.hand.s("A").apply_async()
    trial.hand.s("B").apply_async()
    trial.tell.s("C").apply_async()
    queues = wiring.queues()

    assert queues.depths(["orders", "signals", "risk"]) == {"orders": 2, "signals": 1, "risk": 0}
    assert queues.waiting(["orders", "signals"]) == 3
    assert queues.waiting([]) == 0

    wiring.redis().close()
    monkeypatch.setenv("CDB_REDIS_URL", f"unix://{tmp_path / 'none.sock'}")
    wiring.reset()
    assert wiring.queues().waiting(["orders"]) is None


def test_a_worker_that_does_not_stop_is_ended_once_nobody_keeps_it(
    progress: Progress, impatient: None, reasons: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parents = chain([os.getppid()] * 2, repeat(1))
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr(_progress, "ALONE_S", 0.01)

    progress.see_off()

    assert next(parents) == 1
    assert reasons == ["whoever kept it is gone, and it did not stop within 0.01 s"]


def test_a_kept_worker_that_hears_no_signal_is_ended_once_nobody_keeps_it(
    hub: Hub, reasons: list[str], impatient: None, monkeypatch: pytest.MonkeyPatch, progress: Progress
) -> None:
    monkeypatch.setattr(_progress, "ALONE_S", 0.01)
    monkeypatch.setattr(progress, "_kept", True)
    monkeypatch.setattr(progress, "_keeper", -1)

    progress.attend()

    assert reasons == ["whoever kept it is gone, and it did not stop within 0.01 s"]


def test_where_the_kernel_tells_nobody_a_worker_may_outlive_who_began_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks._progress.sys.platform", "darwin")

    assert not _progress._ends_with_keeper()
