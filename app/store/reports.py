"""Figures for people: what the live view, the status and the end of a replay show."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import ceil

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from app.domain.market import microseconds
from app.domain.orders import OUT_OF_REACH, Order
from app.domain.portfolio import TradeStatus
from app.domain.risk import ZERO
from app.store import rows
from app.store.account import held
from app.store.database import Database
from models import (
    THE_ACCOUNT,
    AccountRow,
    BarRow,
    Base,
    EquityRow,
    ExecutionRow,
    OrderRow,
    RiskEventRow,
    SignalRow,
    TradeRow,
)
from models.orders import LIVE


@dataclass(frozen=True, slots=True)
class Delay:
    """Tick received → order taken by the venue, in milliseconds of the farm's clock."""

    count: int
    p50_ms: float
    p99_ms: float
    worst_ms: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What the database holds, counted; money in quote currency. `equity` is None before the account is open.

    `trades_pending` have bought nothing yet. `unprotected` open trades are not protected now; `unprotected_s` is for
    how long trades were not, all together.
    """

    signals: Mapping[str, int]
    refusals: Mapping[str, int]
    orders: Mapping[str, int]
    executions: int
    trades_open: int
    trades_closed: int
    trades_won: int
    unprotected: int
    unprotected_s: float
    realised: Decimal
    fees: Decimal
    equity: Decimal | None
    cash: Decimal | None
    day_open: Decimal | None
    trading_state: str | None
    state_reason: str | None
    state_by: str | None
    state_at: datetime | None
    delay: Delay | None
    trades_pending: int = 0


class Reports:
    """Read models; nothing decides on them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def summary(self) -> Summary:
        """Everything counted, in one moment."""
        with self._database.reading() as session:
            account = session.get(AccountRow, THE_ACCOUNT)
            closed = session.scalars(select(TradeRow.realised).where(TradeRow.status == TradeStatus.CLOSED)).all()
            return Summary(
                signals=_counts(session, SignalRow.signal_type),
                refusals=_refusals(session),
                orders=_counts(session, OrderRow.state),
                executions=_count(session, ExecutionRow),
                trades_open=_count(session, TradeRow, TradeRow.status == TradeStatus.OPEN),
                trades_closed=len(closed),
                trades_won=sum(profit > 0 for profit in closed),
                unprotected=_count(session, TradeRow, TradeRow.unprotected_since.is_not(None)),
                unprotected_s=session.scalar(select(func.sum(TradeRow.unprotected_s))) or 0.0,
                realised=sum(closed, ZERO),
                fees=sum(session.scalars(select(TradeRow.fees)), ZERO),
                equity=account.equity if account else None,
                cash=account.cash if account else None,
                day_open=account.day_open if account else None,
                trading_state=account.trading_state if account else None,
                state_reason=account.state_reason if account else None,
                state_by=account.state_by if account else None,
                state_at=account.state_at if account else None,
                delay=_delay(session),
                trades_pending=_count(session, TradeRow, TradeRow.status == TradeStatus.PENDING),
            )

    def bars(self) -> int:
        """How many bars there are; counts them, so ask seldom."""
        with self._database.reading() as session:
            return _count(session, BarRow)

    def open_trades(self) -> int:
        """How many trades are open."""
        with self._database.reading() as session:
            return _count(session, TradeRow, TradeRow.status == TradeStatus.OPEN)

    def is_empty(self) -> bool:
        """Whether no farm has worked on this database."""
        with self._database.reading() as session:
            return not any(session.scalar(select(row.id).limit(1)) for row in (BarRow, SignalRow, OrderRow))

    def at_rest(self) -> bool:
        """Whether every signal is decided, no order lives, and nothing is held that is to be left."""
        with self._database.reading() as session:
            signal = session.scalar(select(SignalRow.id).where(SignalRow.status == "found").limit(1))
            order = session.scalar(select(OrderRow.id).where(text(LIVE)).limit(1))
            leaving = TradeRow.status == TradeStatus.OPEN, TradeRow.left != ZERO, TradeRow.leaving_key.is_not(None)
            trade = session.scalar(select(TradeRow.id).where(*leaving).limit(1))
            return signal is None and order is None and trade is None

    def last_orders(self, limit: int) -> list[Order]:
        """The newest orders, newest first."""
        with self._database.reading() as session:
            query = select(OrderRow).order_by(OrderRow.id.desc()).limit(limit)
            return [rows.order(row) for row in session.scalars(query)]

    def held_orders(self) -> list[str]:
        """Client ids of the orders that are held for a person, oldest first."""
        with self._database.reading() as session:
            return held_orders(session)

    def equity_curve(self, since: datetime) -> list[tuple[datetime, Decimal]]:
        """Equity over time, oldest first."""
        query = (
            select(EquityRow.timestamp, EquityRow.equity)
            .where(EquityRow.timestamp >= since)
            .order_by(EquityRow.timestamp)
        )
        with self._database.reading() as session:
            return [(at, equity) for at, equity in session.execute(query)]

    def open_symbols(self) -> list[str]:
        """Symbols with a position or a pending trade."""
        with self._database.reading() as session:
            return sorted(set(session.scalars(select(TradeRow.symbol).where(held()))))


def held_orders(session: Session) -> list[str]:
    """Client ids of the orders that are held for a person, oldest first."""
    query = select(OrderRow.client_order_id).where(text(LIVE), OrderRow.reason == OUT_OF_REACH)
    return list(session.scalars(query.order_by(OrderRow.id)))


def _count(session: Session, row: type[Base], *such: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(row).where(*such)) or 0


def _counts(session: Session, column: "object") -> dict[str, int]:
    query = select(column, func.count()).group_by(column)  # type: ignore[call-overload]
    return dict(session.execute(query).all())


def _refusals(session: Session) -> dict[str, int]:
    query = (
        select(RiskEventRow.risk_check, func.count())
        .where(RiskEventRow.result == "refused")
        .group_by(RiskEventRow.risk_check)
    )
    return dict(session.execute(query).all())


def _delay(session: Session) -> Delay | None:
    query = (
        select(OrderRow.submitted_at, SignalRow.tick_received_us)
        .join(SignalRow, SignalRow.key == OrderRow.signal_key)
        .where(OrderRow.submitted_at.is_not(None), SignalRow.tick_received_us > 0)
    )
    took = sorted((microseconds(sent) - received) / 1000 for sent, received in session.execute(query) if sent)
    if not took:
        return None
    return Delay(len(took), _percentile(took, 50), _percentile(took, 99), took[-1])


def _percentile(ordered: list[float], percent: int) -> float:
    """The nearest-rank percentile of ordered values."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]
