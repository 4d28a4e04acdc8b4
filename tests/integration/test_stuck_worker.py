"""A worker that is connected but consumes nothing: real ones are made to hang, and their work is done all the same."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from app import wiring
from app.celery import farm
from tests.fixtures import _trial_tasks as trial
from tests.fixtures._forks import Program
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.workers import lives, log, outcome, seen, until
from workers.services import farm_services
from workers.supervisor import Kept, Logs, Supervisor

TRIAL = ("-I", "tests.fixtures._trial_tasks")
OPTIONS = ("-Q", "orders", "-c", "1", "--without-gossip", "--without-mingle", *TRIAL)


@pytest.fixture
def farm_settings(farm_settings: dict[str, str]) -> dict[str, str]:
    return {**farm_settings, "CDB_STUCK_S": "4"}


async def when(found: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not found():
        assert time.monotonic() < deadline, f"{what} did not happen"
        await asyncio.sleep(0.05)


def only_worker(logs: Path) -> Supervisor:
    """The farm's worker on the queue of orders, as the farm keeps it, who also knows the trial tasks."""
    orders = next(one for one in farm_services(wiring.settings(), flower=False) if one.name == "orders")
    return Supervisor([replace(orders, command=(*orders.command, *TRIAL))], Logs(logs))


async def test_c18_a_worker_that_stands_still_is_started_anew_and_the_work_is_done(
    celery: Callable[..., Any], tmp_path: Path
) -> None:
    supervisor = only_worker(tmp_path)
    kept: Kept = supervisor.kept[0]
    try:
        await supervisor.start(PATIENCE_S)
        pid = kept.pid
        assert pid is not None
        await when(lambda: wiring.heartbeats().read(pid) is not None, "the first beat")
        os.kill(pid, signal.SIGSTOP)
        _swallowed, *waiting = [trial.hand.s(f"W{one}").apply_async() for one in range(3)]

        await when(lambda: kept.restarts == 1 and kept.is_ready, "the restart")
        assert [await asyncio.to_thread(outcome, one) for one in waiting] == [("SUCCESS", "W1"), ("SUCCESS", "W2")]
        assert kept.restarts == 1
        assert not lives(pid)
    finally:
        await supervisor.stop()


def test_c18_a_worker_whose_children_take_nothing_up_ends_itself(celery: Callable[..., Any]) -> None:
    process: Program = celery("worker", *OPTIONS)
    until(lambda: "ready" in log(), "the worker's start")
    (child,) = psutil.Process(process.pid).children()
    child.suspend()
    work = [trial.hand.s(f"W{one}").apply_async() for one in range(3)]

    assert process.wait(PATIENCE_S) == os.EX_SOFTWARE
    assert re.search(r"it began and ended no task for \d+ s while", log())
    until(lambda: not lives(child.pid), "the child's end")

    celery("worker", *OPTIONS)
    assert outcome(work[-1]) == ("SUCCESS", "W2")


def test_c18_a_worker_whose_event_loop_hangs_ends_itself(celery: Callable[..., Any]) -> None:
    process: Program = celery("worker", *OPTIONS)
    until(lambda: "ready" in log(), "the worker's start")
    farm.control.broadcast("trial_hang")
    until(lambda: "hangs" in log(), "the hanging")
    for one in range(3):
        trial.hand.s(f"W{one}").apply_async()

    assert process.wait(PATIENCE_S) == os.EX_SOFTWARE
    assert re.search(r"its event loop stood still for \d+ s while", log())
    assert "in hang" in log(), "one sees where it stood"


def test_a_worker_at_a_long_task_is_left_alone_and_one_that_stops_tells_nothing_more(
    celery: Callable[..., Any],
) -> None:
    process: Program = celery("worker", *OPTIONS)
    long = trial.slow.s("L", 7).apply_async()
    after = trial.hand.s("A").apply_async()

    assert (outcome(long), outcome(after)) == (("SUCCESS", "L"), ("SUCCESS", "A"))
    read = wiring.heartbeats().read
    until(lambda: (beat := read(process.pid)) is not None and (beat.begun, beat.running) == (2, 0), "its beat")

    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert read(process.pid) is None


def works() -> None:
    """It is at a task of ten minutes."""
    trial.slow.s("W", 600).apply_async()
    until(lambda: seen() == ["begin W"], "the task")


def hangs() -> None:
    """It hears no signal, as one does that got two at once: Celery's own lock holds it."""
    until(lambda: "ready" in log(), "the worker's start")
    farm.control.broadcast("trial_hang")
    until(lambda: "hangs" in log(), "the hanging")


@pytest.mark.parametrize("busy", [works, hangs])
def test_a_worker_whose_farm_was_killed_does_not_outlive_it_for_long(
    celery: Callable[..., Any], busy: Callable[[], None]
) -> None:
    worker = "from tasks import _progress; _progress.ALONE_S = 0.5; from celery.bin.celery import main; main()"
    keeper = f"""if True:
        import subprocess, sys, time
        from workers.zygotes import die_with_parent
        with open({str(wiring.settings().data_dir / "celery.log")!r}, "a") as log:
            command = [sys.executable, "-c", {worker!r}, "-A", "app", "worker", *{OPTIONS!r}]
            alone = {{"preexec_fn": die_with_parent, "start_new_session": True}}
            kept = subprocess.Popen(command, stdout=log, stderr=log, **alone)
        print(kept.pid, flush=True)
        time.sleep(600)
    """
    with subprocess.Popen([sys.executable, "-c", keeper], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        busy()
        owner.kill()

    until(lambda: not lives(pid), "the worker's end")
    assert "whoever kept it is gone" in log()
