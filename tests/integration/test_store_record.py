"""The record: all that was ordered, executed and held, on both databases."""

from decimal import Decimal

import pytest

from app import store as rooms
from app.domain.market import microseconds
from app.domain.orders import Leg, OrderState
from app.store import Database, Refused, read_record
from tests.contracts.stores import LATER, StoreUnderTest, sale
from tests.fixtures.memory.builders import NOON, a_signal


@pytest.fixture
def store(database: Database) -> StoreUnderTest:
    """Every port over one database."""
    return StoreUnderTest.over(rooms, database)


def test_the_record_of_an_empty_database_are_empty(database: Database) -> None:
    record = read_record(database)

    assert (record.orders, record.executions, record.cash, record.held) == ([], [], Decimal(0), {})


def test_the_record_hold_everything(database: Database, store: StoreUnderTest) -> None:
    trade_id = store.opened().holding().trade_id
    store.settled(store.sent(store.exit(trade_id)), OrderState.FILLED, sale(amount=Decimal("0.4")))
    store.holding("two", symbol="ETH/USDT")
    store.signals.save(a_signal("undecided"))
    store.signals.save(a_signal("refused", tick_received_us=microseconds(NOON)))
    with store.ledger.deciding("refused", {}, LATER) as decision:
        decision.refuse("cooldown: too soon")
    store.ledger.mark({}, LATER)

    record = read_record(database)

    assert [(one.client_order_id, one.leg, one.trade_id == trade_id) for one in record.orders] == [
        ("O-signal-1", Leg.ENTRY, True),
        ("O-exit-1", Leg.STOP_LOSS, True),
        ("O-two", Leg.ENTRY, False),
    ]
    assert [one.venue_trade_id for one in record.executions] == ["fill-of-signal-1", "sale-1", "fill-of-two"]
    assert record.executions[0].commission == Decimal("0.05")
    assert record.held == {"BTC/USDT": Decimal("0.6"), "ETH/USDT": Decimal(1)}
    assert record.cash == Decimal("9839.85")
    assert record.undecided == 1
    assert record.refused == [Refused(tick_at=NOON, at=LATER)]
    assert list(record.marked_at) == [LATER]


def test_what_was_decided_is_told_in_its_order(database: Database, store: StoreUnderTest) -> None:
    store.opened().entry()

    events = read_record(database).events
    approved = events[-2]

    assert [event.kind for event in events] == [
        "account.opened",
        "signal.found",
        "trade.pending",
        "order.approved",
        "signal.approved",
    ]
    assert [event.number for event in events] == sorted(event.number for event in events)
    assert approved.data["client_order_id"] == "O-signal-1"
    assert approved.at == NOON
