"""Failed tasks are run again by real workers of each pool, whoever asks and whatever Redis forgets."""

import json
import signal
from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from app import reruns, wiring
from app.celery import farm
from app.domain.letters import KeptLetter, LetterState
from app.domain.market import microseconds
from app.steps.rerun_letters import Rerun
from app.store import DatabaseError
from models import AuditRow
from tasks import upkeep
from tasks._reruns import CeleryReruns, tell_success
from tasks._reruns import reruns as celery_reruns
from tests.contracts.reruns import RerunsContract, RerunsUnderTest
from tests.fixtures import _trial_tasks as trial
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.databases import KINDS
from tests.fixtures.farm import configured
from tests.fixtures.memory.builders import BTC, a_letter, a_signal
from tests.fixtures.venue import ServedVenue
from tests.fixtures.workers import HEADERS, QUEUES, a_worker, queued, seen, until

POOLS = ("prefork", "threads", "solo")
Celery = Callable[..., Any]
S = LetterState


def letter_of(task_id: str, *states: LetterState) -> KeptLetter:
    """The letter of a task, once it is in one of these states."""
    wanted = states or (S.WAITING, S.FAILED_AGAIN)
    until(lambda: any(one.letter.task_id == task_id for one in wiring.letters().waiting(99, wanted)), f"{wanted}")
    return wiring.letters().get(task_id)


def audited(event: str) -> int:
    with wiring.database().reading() as session:
        return session.scalar(select(func.count()).where(AuditRow.event_type == event)) or 0


class TestCeleryReruns(RerunsContract):
    @pytest.fixture
    def reruns(
        self, wired: None, farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[RerunsUnderTest]:
        with ExitStack() as stack:
            nobody = {**farm_settings, "CDB_REDIS_URL": "unix:///tmp/cdb-nobody.sock"}

            def take_away() -> None:
                stack.enter_context(configured(nobody, monkeypatch))

            yield RerunsUnderTest(celery_reruns(), lambda: as_sent("risk") + as_sent("orders"), take_away)


def as_sent(queue: str) -> list[dict[str, Any]]:
    names = ("task", "id", "root_id", "parent_id", "cdb_correlation_id", "cdb_rerun")
    return [
        {name: message["headers"].get(name) for name in names} | {"args": args, "chain": options["chain"]}
        for message in queued(queue)
        for args, _, options in [json.loads(b64decode(message["body"]))]
    ]


@pytest.mark.parametrize("pool", POOLS)
def test_a_failed_link_is_run_again_and_the_rest_of_its_chain_runs_under_the_ids_of_before(
    celery: Celery, pool: str
) -> None:
    a_worker(celery, pool)
    last: Any = (
        trial.hand.s("A") | trial.mend.s().set(headers=HEADERS) | trial.hand.s() | trial.tell.s().set(headers=HEADERS)
    ).apply_async()
    failed = last.parent.parent
    letter = letter_of(failed.id)
    assert seen() == ["hand A", "mend A"]
    wiring.redis().flushall()
    trial.mended()

    with ThreadPoolExecutor(4) as people:
        done = list(people.map(lambda who: reruns.rerun([letter], "mended", f"person {who}")[0], range(4)))

    assert sorted(one.run for one in done) == [0, 0, 0, 1]
    assert all(one.refused for one in done if not one.run)
    assert letter_of(failed.id, S.DONE).note == "its re-run returned A"
    until(
        lambda: farm.AsyncResult(last.id).state == "SUCCESS", "the end of the chain"
    )  # links that never ran are FAILURE
    assert seen() == ["mend A", "hand A", "tell A f-1"]
    assert (audited("letter.rerunning"), audited("letter.done")) == (1, 1)


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_what_cannot_be_mended_fails_again_and_is_counted(celery: Celery, pool: str) -> None:
    a_worker(celery, pool)
    letter = letter_of(trial.mend.s("A").apply_async().id)

    for times in (1, 2):
        [done] = reruns.rerun([wiring.letters().get(str(letter.number))], "in hope", "ann")
        assert done.run == times
        letter = letter_of(letter.letter.task_id, S.FAILED_AGAIN)

    assert (letter.times, letter.reruns, letter.note) == (3, 2, "re-run 2 failed: ValueError")
    assert wiring.letters().count() == 1


def test_a_re_run_whose_process_dies_or_hangs_fails_again(celery: Celery) -> None:
    a_worker(celery)
    for task, kind in ((trial.die, "WorkerLostError"), (trial.hang, "TimeLimitExceeded")):
        letter = letter_of(task.s("A").apply_async().id)
        assert letter.letter.kind == kind
        reruns.rerun([letter], "in hope", "ann")

        again = letter_of(letter.letter.task_id, S.FAILED_AGAIN)
        assert (again.times, again.letter.kind) == (2, kind)


def test_a_task_that_was_unknown_is_run_once_a_worker_knows_it(celery: Celery) -> None:
    """Of other code than the sender's; here, one that does not import the trial tasks."""
    late: Any = (trial.tell.s("A").set(headers=HEADERS) | trial.hand.s()).apply_async()
    worker = celery("worker", "-Q", QUEUES, "-c", "1", "-n", "old@%h", "--without-gossip", "--without-mingle")
    letter = letter_of(late.parent.id)
    assert letter.letter.kind == "UnknownTask"
    reruns.rerun([letter], "too early", "ann")
    letter = letter_of(letter.letter.task_id, S.FAILED_AGAIN)
    worker.send_signal(signal.SIGTERM)
    worker.wait(PATIENCE_S)
    a_worker(celery)

    [done] = reruns.rerun([letter], "a new worker", "ann")

    assert (done.run, letter_of(letter.letter.task_id, S.DONE).times) == (2, 2)
    until(lambda: seen() == ["tell A f-1", "hand A"], "the rest of the chain")


class TestAtAVenue:
    """What a re-run may cost is an order."""

    @pytest.fixture
    def farm_settings(self, farm_settings: dict[str, str], venue: ServedVenue) -> dict[str, str]:
        return {
            **farm_settings,
            "CDB_EXCHANGE_REST_URL": venue.rest_url,
            "CDB_EXCHANGE_WS_URL": venue.ws_url,
            "CDB_RISK__STALE_MARKET__LIMIT_S": "3600",
            "CDB_SIGNAL_TTL_S": "600",
            "CDB_REQUEST_WEIGHT": "0",
        }

    @pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
    def test_however_often_it_is_run_again_an_order_is_placed_once(self, celery: Celery, venue: ServedVenue) -> None:
        venue.tick(BTC, 100, 1000)
        upkeep.refresh_instruments()
        upkeep.begin()
        now_us = microseconds(wiring.now())
        wiring.redis().hset(wiring.keys().prices, BTC, f"100.0|{now_us}|{now_us}")
        at = wiring.now()
        wiring.signals().save(a_signal("SIGNAL", bar_end=at, found_at=at))
        place = {"task": "tasks.orders.place", "args": [], "kwargs": {}, "options": {"task_id": "place-1"}}
        about = {"name": "tasks.risk.approve", "args": '["SIGNAL"]', "about": "SIGNAL", "queue": "risk"}
        wiring.letters().keep(a_letter("approve-1", **about, chain=json.dumps([place])))

        def click(who: int) -> Rerun:
            [done] = reruns.rerun(reruns.chosen(["1"]), "mended", f"person {who}")
            return done

        with ThreadPoolExecutor(4) as people:
            first = list(people.map(click, range(4)))
        wiring.redis().flushall()
        wiring.redis().hset(wiring.keys().prices, BTC, f"100.0|{now_us}|{now_us}")
        wiring.letters().put_back(1, 1, "as if its time were over", wiring.now())
        for copy in range(3):  # and messages that come more than once
            CeleryReruns().send(wiring.letters().get("1").letter, copy)
        with ThreadPoolExecutor(4) as people:
            second = list(people.map(click, range(4)))
        a_worker(celery)

        assert sorted(one.run for one in first) == [0, 0, 0, 1]
        assert sorted(one.run for one in second) == [0, 0, 0, 2]
        letter_of("approve-1", S.DONE)
        until(lambda: wiring.reports().summary().trades_open == 1, "a trade")
        until(lambda: queued("risk") == queued("orders") == [], "the copies are worked through")
        assert farm.AsyncResult("place-1").state == "SUCCESS"
        assert venue.status()["orders"] == 1


def test_an_end_that_cannot_be_written_stops_no_task(wired: None, monkeypatch: pytest.MonkeyPatch) -> None:
    away = DatabaseError("it is away", "Start it")
    monkeypatch.setattr("app.store.Letters.finish", lambda *_: raised(away))
    task = SimpleNamespace(name="tasks.orders.place", request=SimpleNamespace(id="task-1", headers={"cdb_rerun": 1}))

    with capture_logs() as logs:
        tell_success(task, "O-1")
        tell_success(SimpleNamespace(request=SimpleNamespace(headers=None)), "O-1")  # it is no re-run

    assert [(line["event"], line["task_id"]) for line in logs] == [("end of a re-run is not written", "task-1")]


def test_what_a_re_run_returned_is_noted(wired: None) -> None:
    for number, (result, note) in enumerate(
        [("O-1", "its re-run returned O-1"), (None, "its re-run ended its chain")], start=1
    ):
        letter = wiring.letters()
        letter.keep(a_letter(f"task-{number}"))
        letter.claim(number, 1, reason="", by="", at=wiring.now(), deadline=wiring.now())
        request = SimpleNamespace(id=f"task-{number}", headers={"cdb_rerun": 1})

        tell_success(SimpleNamespace(name="tasks.orders.place", request=request), result)

        assert letter.get(str(number)).note == note


def raised(error: Exception) -> None:
    raise error
