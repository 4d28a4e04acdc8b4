"""The record: all that was ordered, executed and held, on both databases."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app import store as rooms
from app.domain.market import microseconds
from app.domain.orders import Leg, OrderState, Side
from app.store import Database, HeldTrade, Refused, WishToLeave, read_record
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


def test_what_is_still_held_is_told_with_what_strategies_wished(database: Database, store: StoreUnderTest) -> None:
    later = NOON + timedelta(minutes=1)
    trade_id = store.opened().holding().trade_id
    store.settled(store.sent(store.exit(trade_id, wanted=True)), OrderState.CANCELLED, sale(amount=Decimal("0.4")))
    kept = store.holding("two", symbol="ETH/USDT").trade_id
    gone = store.sent(store.exit(store.holding("three", symbol="SOL/USDT").trade_id, "exit-3", symbol="SOL/USDT"))
    store.settled(gone, OrderState.FILLED, sale("sold-sol", symbol="SOL/USDT"))
    for key, strategy in (("heard", "momentum"), ("unheard", "breakout")):
        wish = {"side": Side.SELL, "leg": Leg.STRATEGY_EXIT, "strategy": strategy, "bar_end": later}
        store.signals.save(a_signal(key, **wish))
    with store.ledger.deciding("unheard", {}, LATER) as decision:
        decision.refuse("trade 1 was entered by momentum")

    record = read_record(database)

    assert record.trades == [
        HeldTrade(trade_id, "BTC/USDT", "momentum", NOON, Decimal("0.6"), Decimal(98), is_leaving=True),
        HeldTrade(kept, "ETH/USDT", "momentum", NOON, Decimal(1), Decimal(98)),
    ]
    assert record.wishes == [
        WishToLeave("BTC/USDT", "momentum", later),
        WishToLeave("BTC/USDT", "breakout", later, LATER),
    ]
