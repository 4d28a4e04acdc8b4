"""The stores that schedules run on, and what their books say: in memory, and the real one on SQLite."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app import store
from app.domain.orders import Order
from app.domain.portfolio import Trade
from app.store import Database, rows
from models import AccountRow, ExecutionRow, OrderRow, SignalRow, TradeRow
from tests.fixtures.fakes import MemoryFarm

PORTS = {
    "bars": store.Bars,
    "signals": store.Signals,
    "instruments": store.Instruments,
    "ledger": store.Ledger,
    "orders": store.Orders,
    "trades": store.Trades,
    "audits": store.Audits,
}


@dataclass(frozen=True, slots=True)
class Books:
    """All that the invariants are about."""

    cash: Decimal
    state: str
    orders: dict[str, Order]
    trades: dict[int, Trade]
    executions: list[tuple[str, str]]
    undecided: list[str]


@dataclass
class Store:
    """The ports of a store by the names that steps know them by, and its books."""

    books: Callable[[], Books]
    ports: dict[str, Any] = field(default_factory=dict)


def in_memory() -> Store:
    """The store of the unit tests; quick enough for thousands of schedules."""
    farm = MemoryFarm()
    tables = farm.tables

    def books() -> Books:
        undecided = [key for key in tables.signals if key not in tables.verdicts]
        assert tables.cash is not None
        executions = sorted(tables.executions)
        return Books(tables.cash, tables.state, dict(tables.orders), dict(tables.trades), executions, undecided)

    return Store(books, {name: value for name, value in vars(farm).items() if name != "tables"})


def on_sqlite(database: Database) -> Store:
    """The real store; Redis is in memory all the same."""
    farm = MemoryFarm()
    ports = {name: value for name, value in vars(farm).items() if name != "tables"}
    ports |= {name: made(database) for name, made in PORTS.items()}
    ports["windows"].bars = ports["bars"]

    def books() -> Books:
        with database.reading() as session:
            account = session.scalars(select(AccountRow)).one()
            orders = [rows.order(row) for row in session.scalars(select(OrderRow))]
            executions = session.execute(select(ExecutionRow.symbol, ExecutionRow.venue_trade_id)).all()
            return Books(
                account.cash,
                account.trading_state,
                {order.client_order_id: order for order in orders},
                {row.id: rows.trade(row) for row in session.scalars(select(TradeRow))},
                sorted((symbol, trade_id) for symbol, trade_id in executions),
                list(session.scalars(select(SignalRow.key).where(SignalRow.status == "found"))),
            )

    return Store(books, ports)
