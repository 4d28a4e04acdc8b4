"""What Celery does to a farm, seen with real workers on a real Redis, and at a venue that takes an id a second time."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from app import wiring
from app.celery import farm
from app.domain.orders import OrderState
from app.store.account import locked
from models import ExecutionRow, OrderRow, SignalRow, TradeRow
from tasks import orders, risk
from tasks._hand_on import hand_on
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.databases import KINDS
from tests.fixtures.farm import approved
from tests.fixtures.memory.builders import BTC, a_signal
from tests.fixtures.redis_server import OwnRedis
from tests.fixtures.venue import ServedVenue, served
from tests.fixtures.workers import a_worker, outcome, seen, until
from workers.venue import VenueConfig

Celery = Callable[..., Any]
ON_BOTH = pytest.mark.parametrize("farm_kind", KINDS, indirect=True)


@pytest.fixture
def venue() -> Iterator[ServedVenue]:
    """One that would take an order twice."""
    config = VenueConfig(
        market="idle",
        symbols=(BTC, "ETH/USDT"),
        balances={"USDT": Decimal(100_000)},
        weight_limit=0,
        takes_duplicates=True,
    )
    with served(config) as one:
        yield one


@pytest.fixture
def at_once(farm_settings: dict[str, str]) -> None:
    """What stands still is taken up again after a second, whoever is sending it; nothing is too old."""
    farm_settings |= {"CDB_PATIENCE_S": "1", "CDB_CLAIM_LEASE_S": "1", "CDB_SIGNAL_TTL_S": "600"}


def wanted() -> str:
    """A fresh signal, kept and not handed on; its key."""
    at = wiring.now()
    wiring.signals().save(a_signal("SIGNAL", bar_end=at, found_at=at))
    return "SIGNAL"


def held() -> int:
    """Messages that a worker has taken and not acknowledged."""
    return int(wiring.redis().hlen(f"{wiring.settings().redis_prefix}unacked"))


def the_order() -> OrderRow | None:
    with wiring.database().reading() as session:
        return session.scalar(select(OrderRow))


def is_filled() -> bool:
    order = the_order()
    return order is not None and order.state == OrderState.FILLED


def swept_until(found: Callable[[], bool], what: str) -> None:
    """Sweeps are sent as beat does, until a worker has done this."""

    def sent() -> bool:
        farm.send_task("tasks.upkeep.sweep", expires=5)
        time.sleep(0.3)
        return found()

    until(sent, what)


def books() -> tuple[Any, ...]:
    """Rows of orders, trades and executions, what became of signals, and the cash."""
    with wiring.database().reading() as session:
        counts = [session.scalar(select(func.count()).select_from(row)) for row in (OrderRow, TradeRow, ExecutionRow)]
        statuses = session.scalars(select(SignalRow.status)).all()
    return *counts, *statuses, wiring.ledger().account({}, wiring.now()).cash


def killed(worker: Any) -> None:
    """As the OOM killer does, its children too."""
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait(PATIENCE_S)


def test_C03_an_order_that_a_killed_worker_was_sending_is_followed_by_another(
    celery: Celery, at_once: None, begun: ServedVenue
) -> None:
    begun.fail("create_reply_delayed", ms=4000)
    name = approved()
    assert name is not None
    worker = a_worker(celery)
    hand_on().order(name, "f-1")
    until(lambda: begun.status()["orders"] == 1, "the request")
    assert (held(), wiring.orders().get(name).state) == (1, OrderState.SUBMITTING)

    killed(worker)
    assert held() == 1  # it comes again after the visibility timeout, which is minutes
    a_worker(celery)

    swept_until(is_filled, "its end")
    assert (begun.status()["orders"], books()[:3]) == (1, (1, 1, 1))


@ON_BOTH
def test_C03_a_signal_that_a_killed_worker_was_deciding_is_decided_by_another(
    celery: Celery, at_once: None, begun: ServedVenue
) -> None:
    key = wanted()
    worker = a_worker(celery)
    with wiring.database().writing() as session:  # the worker waits for the account
        locked(session)
        hand_on().signal(key, "f-1")
        until(lambda: held() == 1, "the receipt")
        killed(worker)
    assert the_order() is None
    a_worker(celery)

    swept_until(is_filled, "its order's end")
    assert (begun.status()["orders"], books()[:4]) == (1, (1, 1, 1, "approved"))


@ON_BOTH
def test_C05_a_link_that_cannot_be_published_fails_its_task_but_takes_effect_once(
    celery: Celery, at_once: None, own_redis: OwnRedis, begun: ServedVenue
) -> None:
    a_worker(celery)
    key = wanted()
    with wiring.database().writing() as session:  # the worker waits for the account, until Redis is full
        locked(session)
        chain: Any = (risk.approve.s(key) | orders.place.s()).apply_async()
        until(lambda: held() == 1, "the receipt")
        own_redis.fill()

    assert outcome(chain.parent)[0] == "FAILURE"
    order = the_order()
    assert order is not None
    assert (order.state, begun.status()["orders"]) == (OrderState.APPROVED, 0)

    own_redis.empty()
    swept_until(is_filled, "the order's end")
    assert (begun.status()["orders"], books()[:4]) == (1, (1, 1, 1, "approved"))


def test_C07_a_chain_whose_ids_succeeded_and_are_sent_again_changes_nothing(
    celery: Celery, at_once: None, begun: ServedVenue
) -> None:
    a_worker(celery, "prefork", "tests.fixtures._telling_ends")
    key = wanted()
    first: Any = (risk.approve.s(key) | orders.place.s()).apply_async()
    approve, place = f"tasks.risk.approve {first.parent.id}", f"tasks.orders.place {first.id}"
    until(lambda: is_filled() and any(one.startswith(place) for one in seen()), "the end of the chain")
    before, name = books(), outcome(first)[1]

    again: Any = risk.approve.s(key).set(task_id=first.parent.id) | orders.place.s().set(task_id=first.id)
    assert again.apply_async().id == first.id

    until(lambda: f"{place} SUCCESS None" in seen(), "a second end with nothing to send")
    assert seen().count(f"{approve} SUCCESS {name}") == 2
    assert (begun.status()["orders"], books()) == (1, before)
