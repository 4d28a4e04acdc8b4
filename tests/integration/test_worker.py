"""Real worker processes: `celery -A app worker` on the tests' Redis, results in SQLite and in PostgreSQL."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from socket import gethostname
from typing import Any

import pytest
from sqlalchemy import text

from app import wiring
from tests.fixtures import _trial_tasks as trial
from tests.fixtures._forks import Program
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.databases import KINDS
from tests.fixtures.workers import HEADERS, ROOT, log, outcome, seen, until


@pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
def test_work_goes_through_a_worker(worker: Program) -> None:
    through = (trial.hand.s("A").set(headers=HEADERS) | trial.tell.s().set(headers=HEADERS)).apply_async()
    ended = (trial.keep.s("B") | trial.tell.s()).apply_async()
    tried = trial.away.s("C", 2).set(headers=HEADERS).apply_async()
    gone = trial.away.s("D", 99).apply_async()
    once = trial.once.s().apply_async()

    assert outcome(through) == ("SUCCESS", "A")
    assert outcome(ended.parent) == ("SUCCESS", None)
    assert outcome(tried) == ("SUCCESS", "C")
    assert outcome(gone)[0] == "FAILURE"
    assert outcome(once)[0] == "FAILURE"

    happened = seen()
    assert "tell A f-1" in happened
    assert not [event for event in happened if event.startswith(("tell B", "tell None"))]
    assert [event for event in happened if " C " in event] == ["away C f-1"] * 3
    assert len([event for event in happened if " D " in event]) == 7
    assert happened.count("once") == 1
    assert ended.state == "PENDING"

    with wiring.database().reading() as session:
        columns = "task_id, name, status, queue, retries"
        rows = {row.task_id: row for row in session.execute(text(f"SELECT {columns} FROM celery_taskmeta"))}
    assert (rows[through.id].name, rows[through.id].status) == ("tasks.signals.trial_tell", "SUCCESS")
    assert (rows[tried.id].queue, rows[tried.id].retries) == ("orders", 2)
    assert ended.id not in rows
    assert '"correlation_id": "f-1"' in log()
    assert "Traceback" not in log()

    slow = trial.slow.s("E", 0.5).apply_async()
    until(lambda: "begin E" in seen(), "the slow task's begin")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE_S) == 0
    assert outcome(slow) == ("SUCCESS", "E")


def test_a_task_whose_process_dies_is_tried_again_where_that_is_safe(worker: Program) -> None:
    safe = trial.die_once.s("S").apply_async()
    unsafe = trial.die.s("U").apply_async()

    assert outcome(safe) == ("SUCCESS", "S")
    assert outcome(unsafe)[0] == "FAILURE"
    assert [seen().count(event) for event in ("die_once S", "die U")] == [2, 1]


def test_what_waits_for_its_countdown_in_a_worker_that_is_told_to_stop_is_done_by_the_next(
    celery: Callable[..., Any],
) -> None:
    options = ("-Q", "orders", "-c", "1", "-I", "tests.fixtures._trial_tasks", "--without-gossip", "--without-mingle")
    stopped = celery(
        "worker", "-n", "one@%h", *options, "--", "worker.soft_shutdown_timeout=0.5"
    )  # before their time comes
    until(lambda: "ready" in log(), "the worker's start")
    waiting = [trial.hand.s(f"W{one}").apply_async(countdown=8) for one in range(3)]
    unacked = f"{wiring.settings().redis_prefix}unacked"
    until(lambda: wiring.redis().hlen(unacked) == 3, "the receipt")
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait(PATIENCE_S) == 0
    assert seen() == []

    celery("worker", "-n", "two@%h", *options)

    assert [outcome(one) for one in waiting] == [("SUCCESS", f"W{one}") for one in range(3)]
    assert sorted(seen()) == ["hand W0", "hand W1", "hand W2"]


@pytest.mark.usefixtures("celery")
@pytest.mark.parametrize(("queue", "loaded"), [("orders", "ccxt"), ("signals", "pandas"), ("risk", "nothing")])
def test_what_the_tasks_of_a_queue_need_is_loaded_before_children_are_forked(queue: str, loaded: str) -> None:
    options = ("-c", "1", "-I", "tests.fixtures._telling_forks", "--without-gossip", "--without-mingle")
    command = (sys.executable, "-m", "celery", "-A", "app", "worker", "-Q", queue, *options)
    out = wiring.settings().data_dir / "celery.log"
    with out.open("ab") as file, subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file) as worker:
        try:
            until(lambda: "ready" in log(), "the worker's start")
        finally:
            worker.terminate()

    assert set(re.findall(r"forks with (.+) loaded", log())) == {loaded}


def test_celery_speaks_to_the_farm(worker: Program, celery: Callable[..., Any]) -> None:
    until(lambda: "ready" in log(), "the worker's start")
    ping = celery(
        "inspect", "ping", "--timeout", "10", "--destination", f"trial@{gethostname()}"
    )  # it waits for no other

    assert ping.wait(PATIENCE_S) == 0
    assert "pong" in log()


def test_a_worker_with_a_wrong_setting_says_so_without_a_traceback(celery: Callable[..., Any]) -> None:
    process = celery("worker", "-Q", "signals", CDB_SHRADS="2")

    assert process.wait(PATIENCE_S) != 0
    assert "did you mean CDB_SHARDS?" in log()
    assert "Traceback" not in log()


def test_a_worker_refuses_a_database_without_tables(celery: Callable[..., Any], tmp_path: Path) -> None:
    process = celery("worker", "-Q", "signals", CDB_DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite")

    assert process.wait(PATIENCE_S) != 0
    assert "cdb migrate" in log()
    assert "Traceback" not in log()
