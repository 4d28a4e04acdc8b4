"""F33: a database that is gone, that hangs, that has no connection left or is locked by others, for real."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from app import wiring
from app.domain.orders import Order, OrderState
from app.store import Database, DatabaseError
from tasks._hand_on import hand_on
from tests.faults.conftest import laboratories
from tests.faults.laboratory import Laboratory
from tests.fixtures import _trial_tasks as trial
from tests.fixtures._contenders import locks
from tests.fixtures._forks import FORKED
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.farm import approved
from tests.fixtures.stoppable import CONNECTIONS, Stoppable
from tests.fixtures.venue import ServedVenue
from tests.fixtures.workers import a_worker, log, outcome, until

S = OrderState
Celery = Callable[..., Any]


@pytest.fixture
def lab(stoppable: Stoppable) -> Iterator[Laboratory]:
    """A laboratory on a PostgreSQL of its own."""
    with laboratories(Database(stoppable.url)) as made:
        yield made()


@pytest.fixture
def away_settings(farm_settings: dict[str, str], stoppable: Stoppable) -> None:
    """A farm on a PostgreSQL of its own."""
    farm_settings |= {"CDB_DATABASE_URL": stoppable.url, "CDB_PATIENCE_S": "1", "CDB_SIGNAL_TTL_S": "600"}


def refused(lab: Laboratory, name: str) -> None:
    """The database cannot be written, and so nothing is sent."""
    with pytest.raises(DatabaseError):
        lab.place(name)
    assert lab.accepted == 0


def taken(lab: Laboratory, name: str) -> None:
    """The same process sends it, as if nothing had been."""
    assert lab.place(name).state is S.OPEN
    assert (lab.settle(name).state, lab.accepted) == (S.FILLED, 1)


def test_F33_without_a_server_nothing_is_sent_until_it_is_back(lab: Laboratory, stoppable: Stoppable) -> None:
    name = lab.entry()

    stoppable.stop()
    refused(lab, name)

    stoppable.start()
    taken(lab, name)


def test_F33_a_server_that_was_away_while_nobody_asked_is_not_missed(lab: Laboratory, stoppable: Stoppable) -> None:
    name = lab.entry()

    stoppable.stop()
    stoppable.start()

    taken(lab, name)


def test_F33_a_server_that_goes_while_the_venue_is_asked_leaves_an_order_that_is_found(
    lab: Laboratory, stoppable: Stoppable
) -> None:
    name = lab.entry()
    submit = lab.trading.submit

    def submit_and_go(order: Order, **terms: Any) -> str:
        taken_as = submit(order, **terms)
        stoppable.stop()
        return taken_as

    lab.trading.submit = submit_and_go  # type: ignore[method-assign]
    with pytest.raises(DatabaseError):
        lab.place(name, lease_s=0)

    stoppable.start()
    assert lab.orders.get(name).state is S.SUBMITTING, "that it would be sent was written down"
    assert ("settle", name) in lab.swept()
    assert (lab.settle(name).state, lab.accepted) == (S.FILLED, 1)


def test_F33_a_server_without_a_connection_left_lets_nothing_be_sent(lab: Laboratory, stoppable: Stoppable) -> None:
    name = lab.entry()
    lab.database.engine.dispose()

    with ExitStack() as others:
        for _ in range(CONNECTIONS):
            others.enter_context(stoppable.connect())
        refused(lab, name)

    taken(lab, name)


def test_F33_a_process_without_a_connection_left_lets_nothing_be_sent(
    stoppable: Stoppable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.database.FREE_S", 0.1)
    with laboratories(Database(stoppable.url)) as made:
        lab = made()
        name = lab.entry()

        with ExitStack() as others:
            for _ in range(8):
                others.enter_context(lab.database.connecting())
            refused(lab, name)

        taken(lab, name)


def test_F33_a_file_that_another_process_locks_for_too_long_lets_nothing_be_sent(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.database.BUSY_S", 1)
    with laboratories(Database(sqlite_url)) as made:
        lab = made()
        name = lab.entry()
        locked, done = FORKED.Event(), FORKED.Event()
        other = FORKED.Process(target=locks, args=(sqlite_url, locked, done))
        other.start()
        try:
            assert locked.wait(60)
            refused(lab, name)
        finally:
            done.set()
            other.join()

        assert other.exitcode == 0
        taken(lab, name)


def test_F33_a_worker_goes_on_by_itself_when_its_server_is_back(
    away_settings: None, celery: Celery, begun: ServedVenue, stoppable: Stoppable
) -> None:
    name = approved()
    assert name is not None
    worker = a_worker(celery)
    until(lambda: "ready" in log(), "the worker's start")

    stoppable.stop()
    hand_on().order(name, "f-1")
    until(lambda: "does not answer" in log(), "a try")
    assert begun.status()["orders"] == 0
    late = celery("worker", "-Q", "orders", "-n", "late@%h")
    assert late.wait(PATIENCE_S) != 0, "who begins while there is no database is not ready, and says so"

    stoppable.start()
    until(lambda: wiring.orders().get(name).state is S.FILLED, "the order's end")
    assert (begun.status()["orders"], worker.poll()) == (1, None)


def test_F33_a_worker_whose_server_stands_still_sends_nothing_and_goes_on_when_it_does(
    away_settings: None, celery: Celery, begun: ServedVenue, stoppable: Stoppable
) -> None:
    name = approved()
    assert name is not None
    worker = a_worker(celery)
    until(lambda: "ready" in log(), "the worker's start")
    assert outcome(trial.hand.s("BEFORE").apply_async()) == ("SUCCESS", "BEFORE")

    with stoppable.paused():
        hand_on().order(name, "f-1")
        until(lambda: held() == 1, "the receipt")
        assert begun.status()["orders"] == 0

    until(lambda: wiring.orders().get(name).state is S.FILLED, "the order's end")
    assert (begun.status()["orders"], worker.poll()) == (1, None)


def held() -> int:
    """Messages that a worker has taken and not acknowledged."""
    return int(wiring.redis().hlen(f"{wiring.settings().redis_prefix}unacked"))
