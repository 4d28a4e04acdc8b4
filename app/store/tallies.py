"""What the database holds, counted for Prometheus: every few seconds, so only what grows is not counted anew."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, case, cast, func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.domain.orders import OrderState
from app.domain.portfolio import TradeStatus
from app.domain.risk import Account
from app.store.account import opened, worth
from app.store.database import Database
from models import (
    THE_ACCOUNT,
    AccountRow,
    AuditRow,
    DeadLetterRow,
    ExecutionRow,
    OrderRow,
    RiskEventRow,
    SignalRow,
    TradeRow,
)

TAIL = 10_000  # so many of the newest rows are counted anew: one may be committed after another that began later


@dataclass(frozen=True, slots=True)
class TradeTally:
    """How many trades bought something, are open, made a profit, made none; money in quote currency."""

    entered: int
    open: int
    won: int
    lost: int
    mean_size: float
    realised: float
    fees: float
    unprotected: int
    unprotected_s: float


@dataclass(frozen=True, slots=True)
class OrderTally:
    """Orders by state, their fills, and since when the oldest unclear one is."""

    states: Mapping[str, int]
    executions: int
    unclear: int
    unclear_since: datetime | None


@dataclass(frozen=True, slots=True)
class BooksTally:
    """The account at the marks that are written down, when it was compared with the venue's, and what differs."""

    account: Account
    reconciled_at: datetime | None
    differences: Mapping[str, int]


@dataclass
class Grown:
    """Rows of a table that only grows, by the values of some columns; those up to `seen` are counted for good."""

    columns: tuple[InstrumentedAttribute[Any], ...]
    seen: int = 0
    counts: dict[tuple[str, ...], int] = field(default_factory=dict)

    def read(self, session: Session) -> dict[tuple[str, ...], int]:
        """All of them, as they are now."""
        key = self.columns[0].class_.id
        newest = session.scalar(select(func.max(key))) or 0
        settled = max(self.seen, newest - TAIL)
        if settled > self.seen:
            self.counts = _added(self.counts, self._between(session, key > self.seen, key <= settled))
            self.seen = settled
        return _added(self.counts, self._between(session, key > settled))

    def _between(self, session: Session, *which: ColumnElement[bool]) -> dict[tuple[str, ...], int]:
        query = select(*self.columns, func.count()).where(*which).group_by(*self.columns)
        return {tuple(names): count for *names, count in session.execute(query)}


class Tallies:
    """Counts what others have done; nothing decides on it. One for each process that asks, as it remembers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._checks = Grown((RiskEventRow.risk_check, RiskEventRow.result))
        self._signals = Grown((SignalRow.signal_type,))

    def trades(self) -> TradeTally:
        """Of all trades."""
        is_open, profit = TradeRow.status == TradeStatus.OPEN, cast(TradeRow.realised, Float)
        is_closed, bought = TradeRow.status == TradeStatus.CLOSED, cast(TradeRow.bought, Float)
        has_bought = and_(bought > 0)
        query = select(
            _count_if(has_bought),
            _count_if(is_open),
            _count_if(and_(is_closed, has_bought, profit > 0)),
            _count_if(and_(is_closed, has_bought, profit <= 0)),
            func.coalesce(func.avg(case((is_open, bought))), 0.0),
            func.coalesce(func.sum(case((is_closed, profit))), 0.0),
            func.coalesce(func.sum(cast(TradeRow.fees, Float)), 0.0),
            _count_if(TradeRow.unprotected_since.is_not(None)),
            func.coalesce(func.sum(TradeRow.unprotected_s), 0.0),
        )
        with self._database.reading() as session:
            return TradeTally(*session.execute(query).one())

    def orders(self) -> OrderTally:
        """Of all orders."""
        unclear = OrderRow.state == OrderState.UNKNOWN
        with self._database.reading() as session:
            states = _by(session, OrderRow.state)
            since = session.scalar(select(func.min(OrderRow.claimed_at, type_=OrderRow.claimed_at.type)).where(unclear))
            executions = session.scalar(select(func.count()).select_from(ExecutionRow)) or 0
            return OrderTally(states, executions, states.get(OrderState.UNKNOWN, 0), since)

    def books(self, at: datetime) -> BooksTally:
        """The account; NotOpenYet before it is opened."""
        with self._database.reading() as session:
            row = opened(session.get(AccountRow, THE_ACCOUNT))
            kinds = [one["kind"] for one in row.differences or ()]
            differences = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
            return BooksTally(worth(session, row, {}, at), row.reconciled_at, differences)

    def checks(self) -> dict[tuple[str, ...], int]:
        """Checks of signals by rule and result."""
        with self._database.reading() as session:
            return self._checks.read(session)

    def signals(self) -> dict[tuple[str, ...], int]:
        """Signals by type."""
        with self._database.reading() as session:
            return self._signals.read(session)

    def letters(self) -> dict[str, int]:
        """Dead letters by state."""
        with self._database.reading() as session:
            return _by(session, DeadLetterRow.state)

    def unsealed(self) -> int:
        """Audits that no hash holds yet."""
        with self._database.reading() as session:
            return session.scalar(select(func.count()).where(AuditRow.sequence.is_(None))) or 0

    def connections(self) -> int | None:
        """To this database, of anybody: those that its server counts, or how often its file is open on this machine.

        None where a machine does not tell that.
        """
        if self._database.engine.dialect.name != "postgresql":
            return _opened(Path(self._database.url.database or ""))
        query = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        with self._database.reading() as session:
            return session.scalar(query) or 0

    def ping(self) -> None:
        """Nothing but an answer."""
        with self._database.reading() as session:
            session.execute(text("SELECT 1"))


def _opened(path: Path) -> int | None:
    processes = Path("/proc")
    if not processes.is_dir():
        return None
    wanted = str(path.resolve())
    return sum(_link(one) == wanted for folder in processes.glob("[0-9]*/fd") for one in _entries(folder))


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # its process has gone, or is another user's
        return []


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:  # closed meanwhile
        return ""


def _count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


def _by(session: Session, column: InstrumentedAttribute[str]) -> dict[str, int]:
    return {str(name): count for name, count in session.execute(select(column, func.count()).group_by(column))}


def _added(first: Mapping[tuple[str, ...], int], then: Mapping[tuple[str, ...], int]) -> dict[tuple[str, ...], int]:
    return {key: first.get(key, 0) + then.get(key, 0) for key in {**first, **then}}
