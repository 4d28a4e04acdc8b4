"""Dead letters of real workers, prefork and threads: who becomes one, and what it holds."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import make_url, text

from app import wiring
from app.celery import farm
from app.domain.letters import KeptLetter
from app.store import Database
from tasks import upkeep
from tests.fixtures import _trial_tasks as trial
from tests.fixtures.databases import KINDS
from tests.fixtures.memory.builders import a_signal
from tests.fixtures.workers import HEADERS, a_worker, outcome, seen, until

POOLS = ("prefork", "threads")
A_BODY = b'[["A"], {}, {}]'
Celery = Callable[..., Any]


class Said(str):
    """Equal to every text that has it in it."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and str.__str__(self) in other


def letters(count: int = 1) -> dict[str, KeptLetter]:
    """The letters by task id, once there are so many; what the worker did afterwards has brought no other."""
    until(lambda: wiring.letters().count() >= count, f"{count} dead letters")
    assert outcome(trial.hand.s("AFTERWARDS").apply_async()) == ("SUCCESS", "AFTERWARDS")
    kept = wiring.letters().waiting(100)
    assert len(kept) == count, kept
    return {one.letter.task_id: one for one in kept}


def sent_raw(body: bytes, content_type: str = "application/json", queue: str = "orders", **headers: Any) -> None:
    """A message as some other program might send it."""
    with farm.producer_pool.acquire(block=True) as producer:
        producer.publish(
            body,
            exchange=queue,
            routing_key=queue,
            declare=[farm.amqp.queues[queue]],
            content_type=content_type,
            content_encoding="utf-8",
            headers={"task": "tasks.orders.trial_hand", **HEADERS, **headers},
        )


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
def test_a_task_that_fails_for_good_is_one_letter_without_secrets(celery: Celery, pool: str) -> None:
    a_worker(celery, pool)
    once = trial.fail.s("A", why="password=hush").set(headers=HEADERS).apply_async()
    tried = trial.away.s("B", 2).apply_async()
    in_vain = trial.away.s("C", 99).apply_async()

    assert outcome(tried) == ("SUCCESS", "B")
    kept = letters(2)
    letter = kept[once.id].letter
    assert (letter.name, letter.about, letter.queue) == ("tasks.orders.trial_fail", "A", "orders")
    assert (json.loads(letter.args), json.loads(letter.kwargs)) == (["A"], {"why": "password=hush"})
    assert (letter.kind, letter.error) == ("ValueError", "A cannot be done, password=***")
    assert "in fail" in letter.traceback
    assert "hush" not in letter.error + letter.traceback
    assert (letter.correlation_id, letter.root_id, letter.attempts) == ("f-1", once.id, 1)
    assert letter.worker.startswith("trial@")
    assert (kept[in_vain.id].letter.kind, kept[in_vain.id].letter.attempts) == ("Unavailable", 7)


@pytest.mark.parametrize("pool", POOLS)
def test_links_that_never_ran_are_no_letters_but_the_chain_of_the_one_that_failed(celery: Celery, pool: str) -> None:
    a_worker(celery, pool)
    last: Any = (
        trial.fail.s("A").set(headers=HEADERS) | trial.hand.s() | trial.tell.s().set(headers=HEADERS)
    ).apply_async()

    first = last.parent.parent
    assert outcome(last)[0] == "FAILURE"  # Celery's word for links that never ran
    [kept] = letters().values()
    chain = json.loads(kept.letter.chain)
    assert kept.letter.task_id == first.id
    assert [link["task"] for link in reversed(chain)] == ["tasks.orders.trial_hand", "tasks.signals.trial_tell"]
    assert [link["options"]["task_id"] for link in reversed(chain)] == [last.parent.id, last.id]
    assert chain[0]["options"]["headers"] == HEADERS


def test_a_hard_time_limit_is_one_letter(celery: Celery) -> None:
    a_worker(celery)
    hung: Any = (trial.hang.s("A").set(headers=HEADERS) | trial.hand.s()).apply_async()

    kept = letters()[hung.parent.id].letter
    assert (kept.kind, kept.about, kept.correlation_id) == ("TimeLimitExceeded", "A", "f-1")
    assert [link["task"] for link in json.loads(kept.chain)] == ["tasks.orders.trial_hand"]
    assert seen().count("hang A") == 1


def test_a_task_that_kills_its_process_each_time_ends_as_one_letter_and_stops_no_other(celery: Celery) -> None:
    a_worker(celery)
    once = trial.die.s("A").set(headers=HEADERS).apply_async()
    tried: Any = (trial.die_tried.s("B") | trial.hand.s()).apply_async()
    others = [trial.hand.s(f"C{one}").apply_async() for one in range(5)]

    assert [outcome(one)[0] for one in others] == ["SUCCESS"] * 5
    kept = letters(2)
    assert {one.letter.kind for one in kept.values()} == {"WorkerLostError"}
    assert (kept[once.id].letter.attempts, kept[tried.parent.id].letter.attempts) == (1, 3)
    assert kept[once.id].letter.correlation_id == "f-1"
    assert [seen().count(event) for event in ("die A", "die_tried B")] == [1, 3]
    assert wiring.redis().hlen(f"{wiring.settings().redis_prefix}unacked") == 0


def test_a_signal_that_kills_each_process_is_swept_three_times_and_then_left_alone(celery: Celery) -> None:
    a_worker(celery, "prefork", "tests.fixtures._poison")
    wiring.signals().save(a_signal("POISON", found_at=wiring.now() - timedelta(minutes=1)))

    for number in range(3):
        assert upkeep.sweep() == 1
        assert [one.letter.about for one in letters(number + 1).values()] == ["POISON"] * (number + 1)
        wiring.redis().delete(wiring.keys().sent_again)  # as if so much time had passed
    assert upkeep.sweep() == 0


@pytest.mark.parametrize("pool", POOLS)
def test_what_is_no_task_here_is_a_letter_with_the_reason_and_the_worker_goes_on(celery: Celery, pool: str) -> None:
    worker = a_worker(celery, pool)
    unknown = farm.send_task("tasks.orders.nobody", args=["A"], kwargs={"b": 1}, headers=HEADERS)
    sent_raw(b'[["A"], {}, {', id="broken")
    sent_raw(b"\x80\x04]", "application/x-python-serialize", id="pickle")
    sent_raw(b"5", id="number")
    sent_raw(b'{"args": []}', id="mapping")
    sent_raw(A_BODY, id="nameless", task=["a", "list"])
    sent_raw(A_BODY, id="untimely", eta="tomorrow")
    sent_raw(A_BODY, id="packed", compression="application/nonsense")
    sent_raw(A_BODY, id="hurried", timelimit="at once")
    sent_raw(A_BODY, id=None)
    sent_raw(b"5", queue="ticks", id="unacknowledged")

    kept = {name: one.letter for name, one in letters(11).items()}
    asked = kept.pop(unknown.id)
    assert (asked.name, asked.kind, asked.about) == ("tasks.orders.nobody", "UnknownTask", "A")
    assert "there is no task tasks.orders.nobody here" in asked.error
    assert (json.loads(asked.args), json.loads(asked.kwargs)) == (["A"], {"b": 1})
    assert {name.partition("-")[0]: (one.kind, one.error) for name, one in kept.items()} == {
        "broken": ("DecodeError", Said("Expecting property name")),
        "pickle": ("ContentDisallowed", Said("untrusted content of type pickle")),
        "number": ("NoTask", Said("its body is not a list of arguments")),
        "mapping": ("NoTask", Said("its body is not a list of arguments")),
        "nameless": ("NoTask", Said("its headers name no task")),
        "untimely": ("InvalidTaskError", Said("invalid ETA value 'tomorrow'")),
        "hurried": ("NoTask", Said("its timelimit is not two numbers")),
        "packed": ("KeyError", Said("application/nonsense")),
        "unreadable": ("NoTask", Said("and no id")),
        "unacknowledged": ("NoTask", Said("its body is not a list of arguments")),
    }
    assert kept.pop("unacknowledged").queue == "ticks"
    assert {(one.queue, one.correlation_id) for one in (asked, *kept.values())} == {("orders", "f-1")}
    assert "application/x-python-serialize" in kept["pickle"].message
    assert worker.poll() is None
    assert wiring.redis().hlen(f"{wiring.settings().redis_prefix}unacked") == 0


@pytest.mark.parametrize("pool", POOLS)
def test_a_mistake_in_what_beat_sends_is_one_letter_that_counts_and_a_world_that_is_away_is_none(
    celery: Celery, pool: str
) -> None:
    a_worker(celery, pool)
    for what in ("A", "A", "B", "A"):
        trial.bug.s(what).apply_async()
    trial.once.s().apply_async()

    until(lambda: len(seen()) == 5 and sum(one.times for one in wiring.letters().waiting(9)) == 4, "four failures")
    assert sorted((one.letter.about, one.times) for one in letters(2).values()) == [("A", 3), ("B", 1)]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("farm_kind", ["postgresql"], indirect=True)
def test_what_fails_while_the_database_is_away_is_written_later(
    celery: Celery, pool: str, postgresql_server: str
) -> None:
    a_worker(celery, pool)
    assert outcome(trial.hand.s("BEFORE").apply_async()) == ("SUCCESS", "BEFORE")
    aside = wiring.letters_aside()

    with away(postgresql_server):
        failed: Any = (trial.fail.s("A").set(headers=HEADERS) | trial.hand.s()).apply_async()
        killed = trial.die.s("B").apply_async() if pool == "prefork" else None
        unknown = farm.send_task("tasks.orders.nobody")
        wanted = {one.id for one in (failed.parent, killed, unknown) if one is not None}
        until(lambda: {one.task_id for one in aside.oldest(9)} == wanted, "all letters put aside")

    farm.send_task("tasks.upkeep.keep_letters")
    assert set(letters(len(wanted))) == wanted
    assert aside.oldest(9) == []


class away:  # noqa: N801 - reads as a word
    """No connection to the farm's database for a while."""

    def __init__(self, server: str) -> None:
        self._server, self._name = Database(server), make_url(str(wiring.settings().database_url)).database

    def __enter__(self) -> None:
        self._tell(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false")
        self._tell(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'")

    def __exit__(self, *_: object) -> None:
        self._tell(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true")
        self._server.engine.dispose()

    def _tell(self, statement: str) -> None:
        with self._server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
