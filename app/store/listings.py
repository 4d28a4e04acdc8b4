"""Pages of what is kept, for people: orders, trades, events, fills and the curve of equity. Nothing decides on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, cast, func, literal_column, select
from sqlalchemy.orm import Session

from app.domain.market import microseconds
from app.domain.orders import Order, Side
from app.domain.portfolio import Mark, Trade, TradeStatus
from app.domain.risk import ZERO, Account
from app.store import rows
from app.store.account import opened, worth
from app.store.database import Database
from app.store.stories import Event, event
from models import THE_ACCOUNT, AccountRow, AuditRow, EquityRow, ExecutionRow, OrderRow, TradeRow

MOST_COUNTED = 10_000
ORDER_SORTS: dict[str, ColumnElement[Any]] = {
    "created_at": OrderRow.id.expression,  # rises with it, and has an index
    "symbol": OrderRow.symbol.expression,
    "state": OrderRow.state.expression,
    "leg": OrderRow.leg.expression,
    "price": cast(OrderRow.price, Float),
    "amount": cast(OrderRow.amount, Float),
    "filled": cast(OrderRow.filled, Float),
}
TRADE_SORTS: dict[str, ColumnElement[Any]] = {
    "opened_at": TradeRow.id.expression,  # as above
    "closed_at": TradeRow.closed_at.expression,
    "symbol": TradeRow.symbol.expression,
    "status": TradeRow.status.expression,
    "bought": cast(TradeRow.bought, Float),
    "fees": cast(TradeRow.fees, Float),
    "realised": cast(TradeRow.realised, Float),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows, in which order, and which part of them. What is empty or None is not asked for.

    `text` is the beginning of an order's name or of the venue's; `state` is an order's state or a trade's status.
    """

    symbol: str = ""
    state: str = ""
    side: str = ""
    leg: str = ""
    strategy: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    sort: str = ""
    descending: bool = True
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Orders:
    """A part of the orders that were asked for; `total` counts no further than MOST_COUNTED."""

    rows: tuple[Order, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Trades:
    """A part of the trades that were asked for; `total` as with orders."""

    rows: tuple[Trade, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Point:
    """A stretch of the curve of equity: what it ended with, and the worst within it."""

    at: datetime
    equity: Decimal
    lowest: float
    drawdown: float


@dataclass(frozen=True, slots=True)
class Filled:
    """An execution, for a chart."""

    at: datetime
    side: Side
    leg: str
    price: Decimal
    amount: Decimal
    client_order_id: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The account at these prices, and who set its trading state and why."""

    account: Account
    reason: str
    by: str
    since: datetime


class Listings:
    """Read models over the whole history, each answer bounded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def standing(self, heard: Mapping[str, Mark], at: datetime) -> Standing:
        """The account as it stands; NotOpenYet before it is opened."""
        with self._database.reading() as session:
            row = opened(session.get(AccountRow, THE_ACCOUNT))
            return Standing(worth(session, row, heard, at), row.state_reason, row.state_by, row.state_at)

    def paid_in(self) -> Decimal:
        """The cash that came from outside, in quote currency: what there is, less what all trades made of it."""
        with self._database.reading() as session:
            cash = opened(session.get(AccountRow, THE_ACCOUNT)).cash
            return cash - sum(session.scalars(select(TradeRow.realised)), ZERO)

    def orders(self, wanted: Wanted) -> Orders:
        """Orders as they are wanted, newest first if nothing else is said."""
        query = select(OrderRow).where(*_of_orders(wanted))
        with self._database.reading() as session:
            part = session.scalars(_part(query, wanted, ORDER_SORTS, OrderRow.id.expression))
            return Orders(tuple(rows.order(row) for row in part), _total(session, query, OrderRow.id.expression))

    def trades(self, wanted: Wanted) -> Trades:
        """Trades as they are wanted, newest first if nothing else is said."""
        query = select(TradeRow).where(*_of_trades(wanted))
        with self._database.reading() as session:
            part = session.scalars(_part(query, wanted, TRADE_SORTS, TradeRow.id.expression))
            return Trades(tuple(rows.trade(row) for row in part), _total(session, query, TradeRow.id.expression))

    def open_trades(self) -> list[Trade]:
        """All of them, oldest first."""
        query = select(TradeRow).where(TradeRow.status == TradeStatus.OPEN).order_by(TradeRow.id)
        with self._database.reading() as session:
            return [rows.trade(row) for row in session.scalars(query)]

    def unprotected(self) -> Mapping[int, datetime]:
        """Since when, by the trade's id, of those that are not protected now."""
        query = select(TradeRow.id, TradeRow.unprotected_since).where(TradeRow.unprotected_since.is_not(None))
        with self._database.reading() as session:
            return {number: since for number, since in session.execute(query) if since is not None}

    def events(self, after: int, limit: int, without: Sequence[str] = ()) -> list[Event]:
        """The newest audits whose number is above `after`, newest first, without those kinds."""
        query = (
            select(AuditRow)
            .where(AuditRow.id > after, AuditRow.event_type.not_in(without))
            .order_by(AuditRow.id.desc())
            .limit(limit)
        )
        with self._database.reading() as session:
            return [event(row) for row in session.scalars(query)]

    def curve(self, since: datetime, until: datetime, step: timedelta) -> list[Point]:
        """Equity from `since` up to `until`, one point for each step in which it was marked, oldest first."""
        stretch = _stretch(self._database, step)
        worst = (
            select(
                func.max(EquityRow.id).label("last"),
                func.min(cast(EquityRow.equity, Float)).label("lowest"),
                func.max(cast(EquityRow.drawdown, Float)).label("drawdown"),
            )
            .where(EquityRow.timestamp >= since, EquityRow.timestamp <= until)
            .group_by(stretch)
            .subquery()
        )
        query = (
            select(EquityRow.timestamp, EquityRow.equity, worst.c.lowest, worst.c.drawdown)
            .join(worst, worst.c.last == EquityRow.id)
            .order_by(EquityRow.timestamp)
        )
        with self._database.reading() as session:
            return [Point(*row) for row in session.execute(query)]

    def began(self) -> datetime | None:
        """When equity was marked first."""
        query = select(EquityRow.timestamp).order_by(EquityRow.timestamp).limit(1)
        with self._database.reading() as session:
            return session.scalar(query)

    def fills(self, symbol: str, since: datetime, until: datetime, limit: int) -> list[Filled]:
        """The newest executions of a symbol in that time, oldest first."""
        query = (
            select(
                ExecutionRow.timestamp,
                ExecutionRow.side,
                OrderRow.leg,
                ExecutionRow.price,
                ExecutionRow.amount,
                ExecutionRow.client_order_id,
            )
            .join(OrderRow, OrderRow.client_order_id == ExecutionRow.client_order_id)
            .where(ExecutionRow.symbol == symbol, ExecutionRow.timestamp >= since, ExecutionRow.timestamp <= until)
            .order_by(ExecutionRow.timestamp.desc(), ExecutionRow.id.desc())
            .limit(limit)
        )
        with self._database.reading() as session:
            found = [
                Filled(at, Side(side), leg, price, amount, name)
                for at, side, leg, price, amount, name in session.execute(query)
            ]
        return found[::-1]


def _of_orders(wanted: Wanted) -> list[ColumnElement[bool]]:
    same = {
        OrderRow.symbol: wanted.symbol,
        OrderRow.state: wanted.state,
        OrderRow.side: wanted.side,
        OrderRow.leg: wanted.leg,
    }
    found = [column == value for column, value in same.items() if value]
    if wanted.text:
        begins = OrderRow.client_order_id.istartswith(wanted.text, autoescape=True)
        found.append(begins | OrderRow.exchange_order_id.startswith(wanted.text, autoescape=True))
    return found + _within(OrderRow.created_at.expression, wanted)


def _of_trades(wanted: Wanted) -> list[ColumnElement[bool]]:
    same = {TradeRow.symbol: wanted.symbol, TradeRow.status: wanted.state, TradeRow.strategy: wanted.strategy}
    found = [column == value for column, value in same.items() if value]
    return found + _within(TradeRow.timestamp.expression, wanted)


def _within(column: ColumnElement[datetime], wanted: Wanted) -> list[ColumnElement[bool]]:
    since = [] if wanted.since is None else [column >= wanted.since]
    return since if wanted.until is None else [*since, column < wanted.until]


def _part(
    query: Select[Any], wanted: Wanted, sorts: Mapping[str, ColumnElement[Any]], number: ColumnElement[int]
) -> Select[Any]:
    by = sorts.get(wanted.sort, number)
    order = (by.desc().nulls_last(), number.desc()) if wanted.descending else (by.asc().nulls_last(), number.asc())
    return query.order_by(*order).limit(wanted.limit).offset(wanted.offset)


def _total(session: Session, query: Select[Any], number: ColumnElement[int]) -> int:
    counted = query.with_only_columns(number).limit(MOST_COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(counted)) or 0


def _stretch(database: Database, step: timedelta) -> ColumnElement[Any]:
    """The number of the step that a row falls into."""
    step_us = step // timedelta(microseconds=1)
    if database.is_sqlite:
        return literal_column(f"equity.timestamp / {step_us}")
    return func.floor(func.extract("epoch", EquityRow.timestamp) * 1_000_000 / step_us)


def steps(since: datetime, until: datetime, most: int) -> timedelta:
    """The step by which a curve has at most so many points: a whole number of seconds."""
    seconds = -(-(microseconds(until) - microseconds(since)) // 1_000_000)
    return timedelta(seconds=max(1, -(-seconds // max(1, most - 1))))
