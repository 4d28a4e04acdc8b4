"""The whole story of one order: from the ticks and the signal to its executions and what its trade came to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from app.domain.errors import Missing
from app.domain.market import Bar, interval_seconds
from app.domain.orders import Fill, Order, Side
from app.domain.portfolio import Trade
from app.domain.trading import Signal
from app.store import rows
from app.store.database import Database
from models import AuditRow, BarRow, ExecutionRow, MarketDataRow, OrderRow, RiskEventRow, SignalRow, TradeRow

SHORTEST = 6  # of a name that is not whole
CANDIDATES = 10
NEAREST_OF = 1000
LAST = 5
NO_BAR = timedelta(minutes=1)  # before a level was hit
SLACK = timedelta(hours=1)  # clocks of several machines
CONTEXT = ("task", "task_id")
BAR = tuple(getattr(BarRow, name) for name in rows.BAR_FIELDS)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What became of a signal."""

    status: str
    at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class WindowSeen:
    """The window that was decided on: how many bars it had, and where its first and its last one ended.

    Without `since` the signal kept no window, as those of older versions did not. `stored` counts the bars between
    these two that are stored now (without `since`: all up to the last), `first` is the first of the window if it is
    among them, `last` are the last of them. `fingerprint` is the stored one of the signal's own bar, None if that is
    not stored; `same` tells whether it is the one that the signal kept, None if either is missing.
    """

    count: int
    since: datetime | None
    until: datetime
    stored: int
    first: Bar | None
    last: tuple[Bar, ...]
    fingerprint: str | None
    same: bool | None


@dataclass(frozen=True, slots=True)
class ArchivedTick:
    """A print of the market as it was archived."""

    at: datetime
    price: float
    quantity: float
    side: str
    source: str


@dataclass(frozen=True, slots=True)
class TicksSeen:
    """Archived ticks of the signal's bar, or of the minute in which a level was hit."""

    since: datetime
    until: datetime
    count: int
    first: ArchivedTick | None
    last: tuple[ArchivedTick, ...]


@dataclass(frozen=True, slots=True)
class RuleChecked:
    """A rule's answer and the numbers it saw; `reason` is its objection."""

    rule: str
    result: str
    reason: str | None
    numbers: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """A row of `audits`; `task` and `task_id` are those of the Celery task that did it."""

    number: int
    at: datetime
    kind: str
    service: str
    task: str | None
    task_id: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of an order. `signal` is None if there is no row of it; `siblings` are its trade's others."""

    correlation_id: str
    order: Order
    submitted_at: datetime | None
    signal: Signal | None
    ruling: Ruling | None
    window: WindowSeen | None
    ticks: TicksSeen | None
    checks: tuple[RuleChecked, ...]
    events: tuple[Event, ...]
    executions: tuple[Fill, ...]
    trade: Trade
    realised: Decimal
    siblings: tuple[Order, ...]


class Stories:
    """Stories by an order's name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, name: str) -> Story:
        """By client order id, by its beginning, or by the venue's id; Missing if that names none, or several."""
        with self._database.reading() as session:
            return _story(session, _named(session, name.strip()))


def _named(session: Session, name: str) -> OrderRow:
    whole = select(OrderRow).where(or_(OrderRow.client_order_id == name, OrderRow.exchange_order_id == name))
    found = _candidates(session, whole)
    if not found and len(name) >= SHORTEST:
        begins = func.upper(OrderRow.client_order_id).startswith(name.upper(), autoescape=True)
        found = _candidates(session, select(OrderRow).where(begins))
    if not found:
        raise Missing(_cure(session, name))
    if len(found) > 1:
        names = [row.client_order_id for row in found[:CANDIDATES]] + ["more"] * (len(found) > CANDIDATES)
        raise Missing(f"{name} names several orders: {', '.join(names)}. Write more of it")
    return found[0]


def _candidates(session: Session, query: Select[OrderRow]) -> list[OrderRow]:
    """One more than are told, newest first."""
    return list(session.scalars(query.order_by(OrderRow.id.desc()).limit(CANDIDATES + 1)))


def _cure(session: Session, name: str) -> str:
    """What to write instead."""
    query = select(OrderRow.client_order_id).order_by(OrderRow.id.desc()).limit(NEAREST_OF)
    names = list(session.scalars(query))
    if not names:
        return f"There is no order {name}, and no other yet. `cdb status` shows what the farm has done"
    known = {one.upper(): one for one in names}
    near = [known[one] for one in get_close_matches(name.upper(), known, n=3)]
    told = f"did you mean {' or '.join(near)}?" if near else f"the newest are {', '.join(names[:LAST])}."
    short = f" Write at least {SHORTEST} characters." if len(name) < SHORTEST else ""
    return f"There is no order {name}; {told}{short} `cdb status` shows what the farm has done"


def _story(session: Session, row: OrderRow) -> Story:
    signal = session.scalar(select(SignalRow).where(SignalRow.key == row.signal_key))
    trade = session.get_one(TradeRow, row.trade_id)
    family = list(session.scalars(select(OrderRow).where(OrderRow.trade_id == trade.id).order_by(OrderRow.id)))
    return Story(
        correlation_id=row.correlation_id,
        order=rows.order(row),
        submitted_at=row.submitted_at,
        signal=rows.signal(signal) if signal else None,
        ruling=Ruling(signal.status, signal.decided_at, signal.decision_reason) if signal else None,
        window=_window(session, signal) if signal and signal.interval else None,
        ticks=_ticks(session, signal) if signal else None,
        checks=_checks(session, row.signal_key),
        events=_events(session, row, _began(trade, row, signal), _ended(trade, family)),
        executions=_executions(session, row),
        trade=rows.trade(trade),
        realised=trade.realised,
        siblings=tuple(rows.order(one) for one in family if one.id != row.id),
    )


def _began(trade: TradeRow, row: OrderRow, signal: SignalRow | None) -> datetime:
    found = [signal.found_at, signal.timestamp] if signal else []
    return min(trade.timestamp, row.created_at, *found) - SLACK


def _ended(trade: TradeRow, family: list[OrderRow]) -> datetime:
    """Every transition touches its order."""
    closed = [trade.closed_at] if trade.closed_at else []
    return max(*(row.touched_at for row in family), trade.timestamp, *closed) + SLACK


def _window(session: Session, signal: SignalRow) -> WindowSeen:
    of_window = [BarRow.symbol == signal.symbol, BarRow.interval == signal.interval, BarRow.end <= signal.timestamp]
    if signal.window_since is not None:
        of_window.append(BarRow.end >= signal.window_since)
    stored = session.scalar(select(func.count()).select_from(BarRow).where(*of_window)) or 0
    bars = select(*BAR).where(*of_window)
    oldest = session.execute(bars.order_by(BarRow.end).limit(1)).one_or_none()
    newest = session.execute(bars.order_by(BarRow.end.desc()).limit(LAST)).all()
    last = tuple(Bar(*row) for row in reversed(newest))
    fingerprint = last[-1].fingerprint if last and last[-1].end == signal.timestamp else None
    return WindowSeen(
        count=signal.window_bars,
        since=signal.window_since,
        until=signal.timestamp,
        stored=stored,
        first=Bar(*oldest) if oldest and oldest.end == signal.window_since else None,
        last=last,
        fingerprint=fingerprint,
        same=fingerprint == signal.bar_fingerprint if fingerprint and signal.bar_fingerprint else None,
    )


def _ticks(session: Session, signal: SignalRow) -> TicksSeen:
    until, span = signal.timestamp, NO_BAR
    upto = MarketDataRow.timestamp <= until  # the tick that hit the level is its last
    if signal.interval:
        span = timedelta(seconds=interval_seconds(signal.interval))
        upto = MarketDataRow.timestamp < until
    of_bar = (MarketDataRow.symbol == signal.symbol, MarketDataRow.timestamp >= until - span, upto)
    count = session.scalar(select(func.count()).select_from(MarketDataRow).where(*of_bar)) or 0
    query = select(MarketDataRow).where(*of_bar)
    first = session.scalar(query.order_by(MarketDataRow.timestamp).limit(1))
    last = session.scalars(query.order_by(MarketDataRow.timestamp.desc()).limit(LAST))
    ticks = tuple(_tick(row) for row in reversed(list(last)))
    return TicksSeen(until - span, until, count, _tick(first) if first else None, ticks)


def _tick(row: MarketDataRow) -> ArchivedTick:
    return ArchivedTick(row.timestamp, row.price, row.volume, row.side, row.source)


def _checks(session: Session, signal_key: str) -> tuple[RuleChecked, ...]:
    query = select(RiskEventRow).where(RiskEventRow.signal_key == signal_key).order_by(RiskEventRow.id)
    return tuple(
        RuleChecked(row.risk_check, row.result, row.reason, row.numbers, row.timestamp)
        for row in session.scalars(query)
    )


def _events(session: Session, row: OrderRow, since: datetime, until: datetime) -> tuple[Event, ...]:
    """What the audits tell of the order, its signal and its trade; the times keep the search short."""
    about = or_(
        AuditRow.data["client_order_id"].as_string() == row.client_order_id,
        AuditRow.data["signal_key"].as_string() == row.signal_key,
        AuditRow.data["trade_id"].as_integer() == row.trade_id,
    )
    query = select(AuditRow).where(AuditRow.timestamp.between(since, until), about).order_by(AuditRow.id)
    return tuple(event(one) for one in session.scalars(query))


def event(row: AuditRow) -> Event:
    """The event in a row of `audits`."""
    data = {name: value for name, value in row.data.items() if name not in CONTEXT}
    task, task_id = (row.data.get(name) for name in CONTEXT)
    return Event(row.id, row.timestamp, row.event_type, row.service, task, task_id, data)


def _executions(session: Session, row: OrderRow) -> tuple[Fill, ...]:
    query = select(ExecutionRow).where(ExecutionRow.client_order_id == row.client_order_id).order_by(ExecutionRow.id)
    return tuple(
        Fill(
            venue_trade_id=one.venue_trade_id,
            exchange_order_id=one.exchange_order_id,
            symbol=one.symbol,
            side=Side(one.side),
            price=one.price,
            amount=one.amount,
            commission=one.commission,
            commission_asset=one.commission_asset,
            at=one.timestamp,
        )
        for one in session.scalars(query)
    )
