"""The stores that schedules run on, and what their books say: in memory, and the real one on SQLite."""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import func, select

from app import store
from app.domain.orders import Order
from app.domain.portfolio import Trade
from app.domain.reconciliation import Difference
from app.domain.risk import TradingState
from app.domain.trading import Signal
from app.store import Database, rows
from app.store.verdicts import REFUSED
from models import AccountRow, AuditRow, BarRow, ExecutionRow, MarketDataRow, OrderRow, SignalRow, TradeRow
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.store import Tables

PORTS = {
    "bars": store.Bars,
    "signals": store.Signals,
    "instruments": store.Instruments,
    "ledger": store.Ledger,
    "orders": store.Orders,
    "trades": store.Trades,
    "audits": store.Audits,
    "books": store.Books,
    "ticks": store.Ticks,
    "letters": store.Letters,
}
ZERO = Decimal(0)
TOLD = "reconcile.difference"
ALARMS = frozenset({"clock.off"})
UNOPENED = AccountRow(
    cash=ZERO,
    trading_state=TradingState.ACTIVE,
    state_by="",
    day=None,
    day_open=ZERO,
    day_high=ZERO,
    equity=ZERO,
    reconciled_at=None,
    differences=None,
)


@dataclass(frozen=True, slots=True)
class Books:
    """All that the invariants are about; before the account is open there is no money."""

    cash: Decimal
    state: str
    orders: dict[str, Order]
    trades: dict[int, Trade]
    executions: list[tuple[str, str]]
    undecided: list[str]
    state_by: str = ""
    day: date | None = None
    day_open: Decimal = ZERO
    day_high: Decimal = ZERO
    marked: Decimal = ZERO  # equity when it was marked last
    reconciled_at: datetime | None = None
    differences: frozenset[tuple[str, str]] = frozenset()  # kinds and subjects of those that are sure


@dataclass(frozen=True, slots=True)
class Record:
    """What else there is; it is read once, in the end.

    `told` are kinds and subjects of the differences that were audited, `bars` tells which are whole by symbol and end,
    `wishes` are what the strategy wished, each with when it was refused, `found` is when each signal was found, by its
    key, `ticks` is how many were archived, `alarms` are of other things.
    """

    told: frozenset[tuple[str, str]]
    bars: dict[tuple[str, datetime], bool]
    wishes: list[tuple[Signal, datetime | None]]
    found: dict[str, datetime]
    ticks: int
    alarms: frozenset[str] = frozenset()

    @property
    def searched(self) -> frozenset[tuple[str, datetime]]:
        """Symbols and ends of bars that gave a signal."""
        return frozenset((wish.symbol, wish.bar_end) for wish, _ in self.wishes)


@dataclass
class Store:
    """The ports of a store by the names that steps know them by, its books, and a copy of all that is in it.

    What `copied` returns puts everything back as it was.
    """

    books: Callable[[], Books]
    record: Callable[[], Record]
    copied: Callable[[], Callable[[], None]]
    ports: dict[str, Any] = field(default_factory=dict)


def in_memory() -> Store:
    """The store of the unit tests; quick enough for thousands of schedules."""
    farm = MemoryFarm()
    tables = farm.tables
    vars(tables).update(vars(Tables()))  # nobody has opened an account yet

    def books() -> Books:
        undecided = [key for key in tables.signals if key not in tables.verdicts]
        return Books(
            cash=tables.cash or ZERO,
            state=tables.state,
            orders=dict(tables.orders),
            trades=dict(tables.trades),
            executions=sorted(tables.executions),
            undecided=undecided,
            state_by=tables.state_by,
            day=tables.day,
            day_open=tables.day_open,
            day_high=tables.day_high,
            marked=tables.marked,
            reconciled_at=tables.reconciled_at,
            differences=_sure(tables.differences),
        )

    def record() -> Record:
        told = [data for event, data in tables.audits if event == TOLD]
        return Record(
            told=frozenset((data["kind"], data["subject"]) for data in told),
            bars={(bar.symbol, bar.end): bar.whole for bar in tables.bars.values()},
            wishes=[(one, tables.decided.get(one.key)) for one in tables.signals.values() if one.interval],
            found={one.key: one.found_at for one in tables.signals.values()},
            ticks=len(tables.ticks),
            alarms=frozenset(event for event, _ in tables.audits) & ALARMS,
        )

    def copied() -> Callable[[], None]:
        before = {name: copy(table) for name, table in vars(tables).items()}  # rows are frozen
        return lambda: vars(tables).update(before)

    return Store(books, record, copied, {name: value for name, value in vars(farm).items() if name != "tables"})


def on_sqlite(database: Database) -> Store:
    """The real store; Redis is in memory all the same."""
    farm = MemoryFarm()
    ports = {name: value for name, value in vars(farm).items() if name != "tables"}
    ports |= {name: made(database) for name, made in PORTS.items()}
    ports["windows"].bars = ports["bars"]

    def books() -> Books:
        with database.reading() as session:
            account = session.scalars(select(AccountRow)).one_or_none() or UNOPENED
            orders = [rows.order(row) for row in session.scalars(select(OrderRow))]
            executions = session.execute(select(ExecutionRow.symbol, ExecutionRow.venue_trade_id)).all()
            return Books(
                cash=account.cash,
                state=account.trading_state,
                orders={order.client_order_id: order for order in orders},
                trades={row.id: rows.trade(row) for row in session.scalars(select(TradeRow))},
                executions=sorted((symbol, trade_id) for symbol, trade_id in executions),
                undecided=list(session.scalars(select(SignalRow.key).where(SignalRow.status == "found"))),
                state_by=account.state_by,
                day=account.day,
                day_open=account.day_open,
                day_high=account.day_high,
                marked=account.equity,
                reconciled_at=account.reconciled_at,
                differences=_sure(Difference(**one) for one in account.differences or ()),
            )

    def record() -> Record:
        with database.reading() as session:
            audits = session.scalars(select(AuditRow.data).where(AuditRow.event_type == TOLD))
            signals = session.scalars(select(SignalRow)).all()
            bars = session.execute(select(BarRow.symbol, BarRow.end, BarRow.whole))
            events = session.scalars(select(AuditRow.event_type).where(AuditRow.event_type.in_(ALARMS)))
            return Record(
                told=frozenset((data["kind"], data["subject"]) for data in audits),
                alarms=frozenset(events),
                bars={(symbol, end): whole for symbol, end, whole in bars},
                wishes=[(rows.signal(one), _refused_at(one)) for one in signals if one.interval],
                found={one.key: one.found_at for one in signals},
                ticks=session.scalar(select(func.count()).select_from(MarketDataRow)) or 0,
            )

    def copied() -> Callable[[], None]:
        before = sqlite3.connect(":memory:", check_same_thread=False)
        with closing(database.engine.raw_connection()) as now:
            cast(sqlite3.Connection, now.driver_connection).backup(before)

        def restore() -> None:
            with closing(database.engine.raw_connection()) as now:
                before.backup(cast(sqlite3.Connection, now.driver_connection))
            before.close()

        return restore

    return Store(books, record, copied, ports)


def _refused_at(signal: SignalRow) -> datetime | None:
    return signal.decided_at if signal.status in REFUSED else None


def _sure(differences: Iterable[Difference]) -> frozenset[tuple[str, str]]:
    return frozenset((one.kind, one.subject) for one in differences if one.is_sure)
