"""What people read: the figures, the trail of an order, and how long a tick took to become one."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from sqlalchemy import select
from structlog.contextvars import bound_contextvars

from app import store as rooms
from app.domain.market import Tick, microseconds
from app.domain.orders import OrderState
from app.domain.portfolio import Mark
from app.domain.risk import TradingState
from app.domain.unprotected import Spell
from app.steps.ports import Check
from app.store import Database, Delay, Reports
from models import AuditRow, EquityRow, ExecutionRow, OrderRow, RiskEventRow, SignalRow, TradeRow
from tests.contracts.stores import LATER, StoreUnderTest, sale
from tests.fixtures.memory.builders import NOON, a_signal, an_exit, an_order, some_bars


@pytest.fixture
def store(database: Database) -> StoreUnderTest:
    """Every port over one database."""
    return StoreUnderTest.over(rooms, database)


def test_an_empty_database_has_figures_too(database: Database) -> None:
    summary = Reports(database).summary()

    assert (summary.executions, summary.trades_closed, summary.realised) == (0, 0, Decimal(0))
    assert (summary.equity, summary.trading_state, summary.delay) == (None, None, None)


def test_the_figures_count_what_is_there(database: Database, store: StoreUnderTest) -> None:
    store.bars.save(some_bars(3))
    store.ticks.archive([Tick("BTC/USDT", 1_732_104_000_000_000, 1.0, 1.0, "buy")], "mexc")
    trade_id = store.opened().holding().trade_id
    store.settled(store.sent(store.exit(trade_id)), OrderState.FILLED, sale(price=Decimal(120)))
    store.holding("two", symbol="ETH/USDT")
    store.signals.save(a_signal("refused"))
    with store.ledger.deciding("refused", {}, NOON) as decision:
        decision.record([Check("cooldown", "too soon", {"s": "1"}), Check("max_exposure", None, {})])
        decision.refuse("cooldown: too soon")
    store.ledger.mark({}, LATER)
    store.trades.keep_spells({trade_id: Spell(NOON, 2.5)})

    summary = Reports(database).summary()

    assert (Reports(database).bars(), summary.executions) == (3, 3)
    assert dict(summary.signals) == {"BUY": 3, "SELL": 1}
    assert dict(summary.refusals) == {"cooldown": 1}
    assert dict(summary.orders) == {"filled": 3}
    assert (summary.unprotected, summary.unprotected_s) == (1, 2.5)
    assert (summary.trades_open, summary.trades_closed, summary.trades_won) == (1, 1, 1)
    assert (summary.realised, summary.fees) == (Decimal("19.9"), Decimal("0.15"))
    assert summary.equity == Decimal("10019.85")
    assert summary.trading_state == "ACTIVE"


def test_the_figures_can_be_written_as_json(database: Database, store: StoreUnderTest) -> None:
    store.opened("10000.50")

    assert msgspec.json.decode(msgspec.json.encode(Reports(database).summary()))["cash"] == "10000.5"


def test_the_delay_is_from_the_tick_to_the_venue(database: Database, store: StoreUnderTest) -> None:
    store.opened()
    for number in range(1, 101):
        key = f"signal-{number}"
        heard = NOON - timedelta(milliseconds=number)
        store.signals.save(a_signal(key, tick_received_us=microseconds(heard)))
        order = store.sent(store.entry(key, symbol=f"S{number}/USDT"))
        store.orders.accept(order, f"venue-{number}", NOON)

    assert Reports(database).summary().delay == Delay(count=100, p50_ms=50.0, p99_ms=99.0, worst_ms=100.0)


def test_the_newest_orders_come_first(database: Database, store: StoreUnderTest) -> None:
    store.opened()
    for number in range(3):
        store.entry(f"signal-{number}", symbol=f"S{number}/USDT")

    orders = Reports(database).last_orders(2)

    assert [order.client_order_id for order in orders] == ["O-signal-2", "O-signal-1"]


def test_the_equity_curve_is_what_was_marked(database: Database, store: StoreUnderTest) -> None:
    store.opened().holding()
    for second, price in enumerate((90, 110, 130)):
        at = NOON + timedelta(seconds=second)
        store.ledger.mark({"BTC/USDT": Mark(Decimal(price), at)}, at)

    assert Reports(database).equity_curve(NOON + timedelta(seconds=1)) == [
        (NOON + timedelta(seconds=1), Decimal("10009.95")),
        (NOON + timedelta(seconds=2), Decimal("10029.95")),
    ]
    with database.reading() as session:
        assert session.scalars(select(EquityRow.exposure).order_by(EquityRow.id)).all() == [
            Decimal(90),
            Decimal(110),
            Decimal(130),
        ]


def test_symbols_of_open_trades_are_named_once(database: Database, store: StoreUnderTest) -> None:
    store.opened().holding("one")
    store.entry("two", symbol="ETH/USDT")

    assert Reports(database).open_symbols() == ["BTC/USDT", "ETH/USDT"]


def test_every_transition_of_an_order_leaves_an_audit(database: Database, store: StoreUnderTest) -> None:
    order = store.sent(store.opened().entry())
    store.orders.doubt(order, "timed out", LATER)
    store.settled(order, OrderState.FILLED)
    store.settled(order, OrderState.FILLED)

    with database.reading() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.id)).all()

    assert [row.event_type for row in rows] == [
        "account.opened",
        "signal.found",
        "trade.pending",
        "order.approved",
        "signal.approved",
        "order.submitting",
        "order.unknown",
        "order.filled",
        "trade.void",  # the report named no execution
    ]
    doubted = rows[6]
    assert doubted.data.items() >= {"from": "submitting", "filled": "0", "attempt": 1, "reason": "timed out"}.items()
    assert doubted.data["client_order_id"] == "O-signal-1"
    assert doubted.timestamp == LATER


def test_executions_and_what_they_do_to_a_trade_leave_audits(database: Database, store: StoreUnderTest) -> None:
    trade_id = store.opened().holding().trade_id
    store.settled(store.sent(store.exit(trade_id)), OrderState.FILLED, sale(price=Decimal(120)))

    told = [event for event, _ in _audits(database) if event.startswith(("trade.", "execution."))]
    assert told == ["trade.pending", "trade.open", "execution.booked", "trade.closed", "execution.booked"]


def test_a_sale_of_coins_of_another_trade_is_told_with_both_trades_and_is_one_execution(
    database: Database, store: StoreUnderTest
) -> None:
    other = store.opened().holding("other").trade_id
    trade = store.holding().trade_id
    order = store.sent(store.exit(trade))
    store.settled(order, OrderState.FILLED, sale(amount=Decimal(2), price=Decimal(120)))

    told = [(event, data.get("trade_id")) for event, data in _audits(database)][-5:-1]
    assert told == [
        ("trade.closed", trade),
        ("execution.booked", trade),
        ("trade.sold_by_another", other),
        ("trade.closed", other),
    ]
    data = _audits(database)[-3][1]
    assert data.items() >= {"client_order_id": "O-exit-1", "sold_by": trade, "amount": "1", "left": "0"}.items()
    summary = Reports(database).summary()
    assert (summary.executions, summary.trades_won, summary.realised) == (3, 2, Decimal("39.85"))


def test_an_entry_that_never_filled_leaves_an_audit_of_its_void_trade(
    database: Database, store: StoreUnderTest
) -> None:
    store.orders.reject(store.sent(store.opened().entry()), "insufficient balance", LATER)

    assert [event for event, _ in _audits(database)][-2:] == ["order.rejected", "trade.void"]


def test_a_refused_and_an_expired_signal_leave_audits(database: Database, store: StoreUnderTest) -> None:
    store.opened()
    for key in ("late", "risky"):
        store.signals.save(a_signal(key=key))
    store.signals.expire("late", Check("stale_signal", "too old", {"age_s": "31"}), NOON)
    with store.ledger.deciding("risky", {}, NOON) as decision:
        decision.refuse("not now")

    closed = [(event, data["signal_key"], data["reason"]) for event, data in _audits(database) if "reason" in data]
    assert [one for one in closed if one[0] != "signal.found"] == [
        ("signal.expired", "late", "stale_signal: too old"),
        ("signal.refused", "risky", "not now"),
    ]


def test_a_new_day_leaves_an_audit(database: Database, store: StoreUnderTest) -> None:
    store.opened().ledger.mark({}, NOON + timedelta(days=1))

    event, data = _audits(database)[-1]
    assert event == "day.rolled"
    assert data["from"] == NOON.date().isoformat()


def test_an_audit_knows_the_task_that_wrote_it(database: Database, store: StoreUnderTest) -> None:
    with bound_contextvars(task="risk.approve", task_id="T-1", correlation_id="C-1"):
        store.audits.write("farm.started", "farm", {}, NOON)

    assert _audits(database) == [
        ("farm.started", {"task": "risk.approve", "task_id": "T-1", "correlation_id": "C-1"}),
    ]


def _audits(database: Database) -> list[tuple[str, dict[str, Any]]]:
    with database.reading() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.id))
        return [(row.event_type, row.data) for row in rows]


def test_a_change_of_the_trading_state_is_audited_with_who_and_why(database: Database, store: StoreUnderTest) -> None:
    store.opened().ledger.set_state(TradingState.HALTED, "maintenance", "ann", NOON)

    with database.reading() as session:
        row = session.scalars(select(AuditRow).where(AuditRow.event_type == "trading_state")).one()

    assert row.data == {"from": "ACTIVE", "to": "HALTED", "reason": "maintenance", "by": "ann"}


def test_a_check_is_kept_with_its_numbers_and_its_trade(database: Database, store: StoreUnderTest) -> None:
    store.opened().signals.save(a_signal())
    with store.ledger.deciding("signal-1", {}, NOON) as decision:
        trade_id = decision.open_trade("momentum")
        decision.record([Check("max_exposure", None, {"share": "0.05", "limit": "0.30"})])
        decision.approve(an_order(trade_id=trade_id, signal_key="signal-1"))

    with database.reading() as session:
        row = session.scalars(select(RiskEventRow)).one()

    assert (row.risk_check, row.result, row.reason, row.trade_id) == ("max_exposure", "passed", None, trade_id)
    assert row.numbers == {"share": "0.05", "limit": "0.30"}


def test_a_refusal_is_kept_with_its_reason(database: Database, store: StoreUnderTest) -> None:
    trade_id = store.opened().holding().trade_id
    store.signals.save(an_exit(trade_id=trade_id))
    with store.ledger.deciding("exit-1", {}, LATER) as decision:
        decision.record([Check("dust", "too little", {})])
        decision.refuse("dust: too little")

    with database.reading() as session:
        check = session.scalars(select(RiskEventRow)).one()
        signal = session.scalars(select(SignalRow).where(SignalRow.key == "exit-1")).one()

    assert (check.result, check.reason, check.trade_id) == ("refused", "too little", trade_id)
    assert (signal.status, signal.decision_reason, signal.decided_at) == ("refused", "dust: too little", LATER)


def test_a_signal_that_was_too_old_is_kept_once_with_its_check(database: Database, store: StoreUnderTest) -> None:
    store.signals.save(a_signal())
    for at in (NOON, LATER):
        store.signals.expire("signal-1", Check("stale_signal", "too old", {"age_s": "31"}), at)

    with database.reading() as session:
        check = session.scalars(select(RiskEventRow)).one()
        signal = session.scalars(select(SignalRow)).one()

    assert (check.signal_key, check.risk_check, check.result, check.trade_id) == (
        "signal-1", "stale_signal", "refused", None,
    )  # fmt: skip
    assert (check.reason, check.numbers, check.timestamp) == ("too old", {"age_s": "31"}, NOON)
    assert (signal.status, signal.decision_reason, signal.decided_at) == ("expired", "stale_signal: too old", NOON)


def test_one_correlation_id_runs_from_the_signal_to_the_execution(database: Database, store: StoreUnderTest) -> None:
    store.opened().holding()

    with database.reading() as session:
        found = [session.scalars(select(row.correlation_id)).one() for row in (SignalRow, TradeRow, OrderRow)]
        execution = session.scalars(select(ExecutionRow)).one()

    assert {*found, execution.correlation_id} == {"frame-1"}
    assert (execution.client_order_id, execution.status, execution.price) == ("O-signal-1", "filled", Decimal(100))
    assert (execution.commission, execution.commission_asset) == (Decimal("0.05"), "USDT")


def test_a_closed_trade_shows_its_prices_and_its_profit(database: Database, store: StoreUnderTest) -> None:
    trade_id = store.opened().holding().trade_id
    store.settled(store.sent(store.exit(trade_id)), OrderState.FILLED, sale(price=Decimal(120), at=LATER))

    with database.reading() as session:
        trade = session.scalars(select(TradeRow)).one()

    assert (trade.status, trade.direction, trade.size) == ("closed", "long", Decimal(1))
    assert (trade.entry_price, trade.exit_price, trade.realised) == (Decimal(100), Decimal(120), Decimal("19.9"))
    assert (trade.timestamp, trade.closed_at) == (NOON, LATER)


def test_a_database_is_empty_until_a_farm_has_worked_on_it(database: Database, store: StoreUnderTest) -> None:
    assert Reports(database).is_empty()

    store.bars.save(some_bars(1))

    assert not Reports(database).is_empty()


def test_a_farm_is_at_rest_when_nothing_is_undecided_and_no_order_lives(
    database: Database, store: StoreUnderTest
) -> None:
    reports = Reports(database)
    assert reports.at_rest()
    store.opened().signals.save(a_signal())
    assert not reports.at_rest()
    order = store.sent(store.entry())
    assert not reports.at_rest()
    store.settled(order, OrderState.FILLED)
    assert reports.at_rest()


def test_a_farm_is_not_at_rest_while_it_holds_what_is_to_be_left(database: Database, store: StoreUnderTest) -> None:
    trade_id = store.opened().holding().trade_id
    assert Reports(database).at_rest()

    store.settled(store.sent(store.exit(trade_id, "first", wanted=True)), OrderState.CANCELLED)
    assert not Reports(database).at_rest()

    store.settled(store.sent(store.exit(trade_id, "second")), OrderState.FILLED, sale())
    assert Reports(database).at_rest()
