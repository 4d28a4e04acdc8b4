"""What Celery and the database do to a farm, where no real worker is needed to see it."""

import importlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.domain.orders import OrderState
from app.domain.portfolio import Mark
from app.store import Database, DatabaseError
from tests.faults.laboratory import BTC, Laboratory

S = OrderState
Make = Callable[..., Laboratory]


@pytest.fixture
def config(wired: None) -> Any:
    """The farm's celeryconfig."""
    return importlib.reload(importlib.import_module("celeryconfig"))


def test_C03_what_a_dead_worker_held_is_found_within_seconds(config: Any) -> None:
    options = config.broker_transport_options
    sweeps = [entry for entry in config.beat_schedule.values() if entry["task"] == "tasks.upkeep.sweep"]

    assert options["unacked_restore_interval"] * options["unacked_restore_throttle"] <= 5
    assert [entry["schedule"] <= timedelta(seconds=10) for entry in sweeps] == [True]


def test_C04_no_countdown_comes_near_the_visibility_timeout(laboratory: Make, config: Any) -> None:
    lab = laboratory()
    name = lab.entry()
    lab.place(name)
    lab.venue.fail("banned", retry_after_s=86_400, times=1)

    lab.settle(name)

    assert ("settle", name) in lab.hand_on.calls
    assert max(lab.hand_on.delays) <= config.broker_transport_options["visibility_timeout"] / 4


def test_C05_a_link_that_was_never_published_is_sent_by_the_sweep_and_takes_effect_once(laboratory: Make) -> None:
    lab = laboratory()
    name = lab.entry()  # approved and committed; the message to orders.place is lost

    assert ("order", name) in lab.swept()
    lab.place(name)
    lab.place(name)
    assert (lab.accepted, lab.settle(name).state) == (1, S.FILLED)


def test_C07_a_link_that_runs_again_changes_nothing(laboratory: Make) -> None:
    lab = laboratory()
    order = lab.holding()
    before = (lab.executions(), lab.ledger.account({BTC: Mark(order.price, lab.now())}, lab.now()))

    for _ in range(2):
        assert lab.place(order.client_order_id) == lab.settle(order.client_order_id) == order

    assert (lab.executions(), lab.ledger.account({BTC: Mark(order.price, lab.now())}, lab.now())) == before
    assert lab.accepted == 1


def test_C11_an_order_that_was_placed_while_the_database_went_away_is_found(
    laboratory: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = laboratory()
    name = lab.entry()

    def gone(*order: object) -> None:
        raise DatabaseError("the database is away", "Start it")

    with monkeypatch.context() as away:
        away.setattr(lab.orders, "accept", gone)
        with pytest.raises(DatabaseError):
            lab.place(name, lease_s=0)

    assert lab.orders.get(name).state is S.SUBMITTING
    assert ("settle", name) in lab.swept()
    assert (lab.settle(name).state, lab.accepted) == (S.FILLED, 1)


def test_F33_no_order_reaches_the_venue_without_a_durable_write(
    laboratory: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = laboratory()
    name = lab.entry()

    def locked(self: Database) -> None:
        raise DatabaseError("the database is locked", "End whoever locks it")

    with monkeypatch.context() as away:
        away.setattr(Database, "writing", locked)
        with pytest.raises(DatabaseError):
            lab.place(name)

    assert lab.accepted == 0
    assert lab.place(name).state is S.OPEN  # it recovers by itself
    assert lab.accepted == 1
