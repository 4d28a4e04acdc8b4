"""Results of tasks: put aside in Redis where their workers cannot lose them, then brought to the database."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery.backends.database import DatabaseBackend
from redis.exceptions import ConnectionError as RedisGone
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from app import wiring
from app.bus import ResultsAside
from app.celery import farm
from tasks import upkeep
from tasks._results import AT_ONCE, Results, results
from tests.fixtures import _trial_tasks as trial
from tests.fixtures.databases import KINDS
from tests.fixtures.redis_server import OwnRedis
from tests.fixtures.workers import a_worker, until

on_each = pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
REQUEST: Any = SimpleNamespace(
    id="id-1",
    task="tasks.risk.approve",
    args=["KEY"],
    kwargs={},
    hostname="risk@here",
    retries=2,
    delivery_info={"routing_key": "risk"},
    children=[],
)


class Few(ResultsAside):
    """Of which only two may wait."""

    def __init__(self) -> None:
        super().__init__(wiring.redis(), wiring.keys(), most=2)


def store(task_id: str = "id-1", result: Any = "ORDER", state: str = "SUCCESS", traceback: str | None = None) -> None:
    farm.backend.store_result(task_id, result, state, traceback=traceback, request=REQUEST)


def kept() -> dict[str, str]:
    """Statuses in the database, by task."""
    with wiring.database().reading() as session:
        rows = session.execute(text("SELECT task_id, status FROM celery_taskmeta ORDER BY task_id"))
        return {row.task_id: row.status for row in rows}


def row(task_id: str) -> dict[str, Any]:
    with wiring.database().reading() as session:
        found = session.execute(text("SELECT * FROM celery_taskmeta WHERE task_id = :id"), {"id": task_id}).one()
        return {
            name: bytes(value) if isinstance(value, memoryview) else value for name, value in found._mapping.items()
        }


@on_each
def test_a_result_waits_in_redis_until_upkeep_brings_it_to_the_database(wired: None) -> None:
    store()
    assert kept() == {}

    assert upkeep.keep_results() == 1
    assert kept() == {"id-1": "SUCCESS"}
    assert upkeep.keep_results() == 0


@on_each
@pytest.mark.parametrize(
    ("result", "state"), [("ORDER", "SUCCESS"), (None, "SUCCESS"), (ValueError("no"), "FAILURE"), (["a", 1], "REVOKED")]
)
def test_a_row_is_what_celery_would_have_written(wired: None, result: Any, state: str) -> None:
    celerys: Any = DatabaseBackend(app=farm, url=results().url)
    celerys.store_result("celerys", result, state, traceback="lines", request=REQUEST)
    store("ours", result, state, traceback="lines")
    upkeep.keep_results()

    ours, theirs = row("ours"), row("celerys")
    differ = {name for name in ours if ours[name] != theirs[name]}
    assert differ == {"id", "task_id", "date_done"}
    assert type(ours["date_done"]) is type(theirs["date_done"])
    assert str(ours["date_done"])[:16] >= str(theirs["date_done"])[:16]


@on_each
def test_whoever_asks_for_a_result_gets_one_that_waits(wired: None) -> None:
    store()

    asked = farm.AsyncResult("id-1")
    assert (asked.state, asked.result, asked.queue) == ("SUCCESS", "ORDER", "risk")


@on_each
def test_the_last_of_several_results_of_a_task_stays(wired: None) -> None:
    store(state="RETRY")
    store(state="FAILURE", result=ValueError("no"))
    store("id-2", state="RETRY")
    assert upkeep.keep_results() == 3
    assert kept() == {"id-1": "FAILURE", "id-2": "RETRY"}

    store()
    upkeep.keep_results()
    assert kept() == {"id-1": "SUCCESS", "id-2": "RETRY"}


@on_each
@pytest.mark.parametrize("between", [True, False])
def test_a_success_stays_whatever_a_copy_of_its_task_comes_to(wired: None, between: bool) -> None:
    store()
    if between:
        upkeep.keep_results()
    store(state="FAILURE", result=ValueError("a late copy"))
    upkeep.keep_results()

    assert kept() == {"id-1": "SUCCESS"}


@on_each
def test_an_older_result_that_waited_does_not_hide_a_newer_one_that_did_not(
    wired: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(state="RETRY")
    with monkeypatch.context() as away:
        away.setattr(ResultsAside, "put", _gone)
        store(state="FAILURE", result=ValueError("no"))
    upkeep.keep_results()

    assert kept() == {"id-1": "FAILURE"}


def test_the_row_of_a_try_that_another_follows_is_deleted_in_time_too(wired: None) -> None:
    store(state="RETRY")
    upkeep.keep_results()
    with wiring.database().writing() as session:
        session.execute(
            text("UPDATE celery_taskmeta SET date_done = :then"),
            {"then": str((wiring.now() - timedelta(days=8)).replace(tzinfo=None))},
        )

    farm.backend.cleanup()

    assert kept() == {}


def _gone(self: ResultsAside, result: Any) -> bool:
    raise RedisGone("no server")


def test_while_redis_is_away_a_result_goes_straight_to_the_database(
    wired: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ResultsAside, "put", _gone)
    monkeypatch.setattr(ResultsAside, "oldest", _gone)
    with capture_logs() as logs:
        store()

    assert kept() == {"id-1": "SUCCESS"}
    assert farm.AsyncResult("id-1").state == "SUCCESS"
    assert [line["event"] for line in logs] == ["result goes straight to the database"]


def test_so_it_does_while_redis_is_full(own_redis: OwnRedis, wired: None) -> None:
    own_redis.fill()

    store()

    assert kept() == {"id-1": "SUCCESS"}


def test_so_it_does_while_too_many_wait(wired: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "results_aside", Few)
    for number in range(3):
        store(f"id-{number}")

    assert kept() == {"id-2": "SUCCESS"}
    assert upkeep.keep_results() == 2


def test_many_that_wait_are_all_written(wired: None) -> None:
    for number in range(AT_ONCE + 7):
        store(f"id-{number}")

    assert upkeep.keep_results() == AT_ONCE + 7
    assert len(kept()) == AT_ONCE + 7
    assert len(wiring.results_aside()) == 0


def test_who_dies_between_writing_and_taking_away_leaves_nothing_that_is_written_twice(
    wired: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    store()
    with monkeypatch.context() as dies:
        dies.setattr(ResultsAside, "drop", _gone)
        with pytest.raises(RedisGone):
            upkeep.keep_results()
    store("id-2")

    assert upkeep.keep_results() == 2
    assert kept() == {"id-1": "SUCCESS", "id-2": "SUCCESS"}


def test_two_who_bring_at_the_same_time_take_away_only_what_both_have_seen(wired: None) -> None:
    store()
    _, first = wiring.results_aside().oldest(AT_ONCE)
    store("id-2")
    _, second = wiring.results_aside().oldest(AT_ONCE)
    wiring.results_aside().drop(second)
    store("id-3")
    wiring.results_aside().drop(first)

    assert [one.task_id for one in wiring.results_aside().oldest(AT_ONCE)[0]] == ["id-3"]


def test_while_the_database_is_away_results_wait(wired: None) -> None:
    store()
    with wiring.database().writing() as session:
        session.execute(text("ALTER TABLE celery_taskmeta RENAME TO elsewhere"))
    with pytest.raises(OperationalError):
        upkeep.keep_results()
    with wiring.database().writing() as session:
        session.execute(text("ALTER TABLE elsewhere RENAME TO celery_taskmeta"))

    assert upkeep.keep_results() == 1


@pytest.mark.parametrize("farm_kind", ["postgresql"], indirect=True)
def test_one_that_the_database_does_not_take_holds_up_no_other(wired: None) -> None:
    store()
    store("id-2", traceback="a zero \0 character")
    store("id-3")
    with capture_logs() as logs:
        assert upkeep.keep_results() == 3
        store("id-4", traceback="\0")
        upkeep.keep_results()

    assert kept() == {"id-1": "SUCCESS", "id-3": "SUCCESS"}
    assert [line["task_id"] for line in logs if line["event"] == "result is not stored"] == ["id-2", "id-4"]


def test_nor_does_one_that_nobody_can_read(wired: None) -> None:
    wiring.redis().xadd(wiring.keys().results, {"e": b"no message pack"})
    store()
    with capture_logs() as logs:
        upkeep.keep_results()

    assert kept() == {"id-1": "SUCCESS"}
    assert [line["event"] for line in logs] == ["result cannot be read"]


@pytest.fixture
def killed(celery: Callable[..., Any]) -> Callable[[], None]:
    """A worker that can be killed with all its processes; nobody brings results to the database meanwhile."""
    worker = a_worker(celery)
    return lambda: os.killpg(worker.pid, signal.SIGKILL)


@on_each
def test_results_outlive_the_worker_that_is_killed_before_they_are_written(killed: Callable[[], None]) -> None:
    sent = [trial.hand.s(f"K{number}").apply_async() for number in range(20)]
    until(lambda: len(wiring.results_aside()) == 20, "the last result")
    killed()
    assert kept() == {}

    upkeep.keep_results()

    assert kept() == {one.id: "SUCCESS" for one in sent}
    assert [farm.AsyncResult(one.id).result for one in sent] == [f"K{number}" for number in range(20)]


def test_the_farms_backend_is_this_one(wired: None) -> None:
    assert isinstance(results(), Results)
