"""The record: all that the database says was ordered, executed and held, to be compared with what the venue says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.market import instant
from app.domain.orders import Leg, OrderState, Side
from app.domain.portfolio import TradeStatus
from app.domain.risk import ZERO
from app.store.database import Database
from app.store.verdicts import REFUSED
from models import THE_ACCOUNT, AccountRow, AuditRow, EquityRow, ExecutionRow, OrderRow, SignalRow, TradeRow


@dataclass(frozen=True, slots=True)
class RecordedOrder:
    """An order; `tick_at` is when the tick that caused its signal was received."""

    client_order_id: str
    signal_key: str
    trade_id: int
    symbol: str
    side: Side
    leg: Leg
    state: OrderState
    filled: Decimal
    created_at: datetime
    tick_at: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """An execution."""

    symbol: str
    venue_trade_id: str
    client_order_id: str
    price: Decimal
    amount: Decimal
    commission: Decimal


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the audits; `number` rises with the order in which things were committed under one lock."""

    number: int
    kind: str
    data: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """When a signal was refused, and when the tick that led to it was received."""

    tick_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class HeldTrade:
    """A trade that is open and holds something; `entered_on` is the end of the bar that it was entered on.

    `is_leaving` says that somebody wanted it left, and was listened to.
    """

    trade_id: int
    symbol: str
    strategy: str
    entered_on: datetime
    left: Decimal
    stop_price: Decimal | None = None
    is_leaving: bool = False


@dataclass(frozen=True, slots=True)
class WishToLeave:
    """That a strategy wished to leave a symbol, on which bar, and when that was refused."""

    symbol: str
    strategy: str
    bar_end: datetime
    refused_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Everything, in one moment; `held` is what trades hold of each symbol, `undecided` counts signals.

    `trades` are those that are open in the end, `wishes` what strategies wished to leave.
    """

    orders: Sequence[RecordedOrder]
    executions: Sequence[Recorded]
    cash: Decimal
    held: Mapping[str, Decimal]
    undecided: int
    refused: Sequence[Refused]
    events: Sequence[Event]
    marked_at: Sequence[datetime]
    trades: Sequence[HeldTrade] = ()
    wishes: Sequence[WishToLeave] = ()


def read_record(database: Database) -> Record:
    """The record as it is now."""
    with database.reading() as session:
        account = session.get(AccountRow, THE_ACCOUNT)
        return Record(
            orders=_orders(session),
            executions=[_booked(row) for row in session.scalars(select(ExecutionRow))],
            cash=account.cash if account else ZERO,
            held=_held(session),
            undecided=session.scalar(select(func.count(SignalRow.id)).where(SignalRow.status == "found")) or 0,
            refused=_refused(session),
            events=[
                Event(row.id, row.event_type, row.data, row.timestamp)
                for row in session.scalars(select(AuditRow).order_by(AuditRow.id))
            ],
            marked_at=session.scalars(select(EquityRow.timestamp).order_by(EquityRow.timestamp)).all(),
            trades=_trades(session),
            wishes=_wishes(session),
        )


def _orders(session: Session) -> list[RecordedOrder]:
    query = select(OrderRow, SignalRow.tick_received_us).join(SignalRow, SignalRow.key == OrderRow.signal_key)
    return [
        RecordedOrder(
            client_order_id=row.client_order_id,
            signal_key=row.signal_key,
            trade_id=row.trade_id,
            symbol=row.symbol,
            side=Side(row.side),
            leg=Leg(row.leg),
            state=OrderState(row.state),
            filled=row.filled,
            created_at=row.created_at,
            tick_at=instant(received_us),
        )
        for row, received_us in session.execute(query.order_by(OrderRow.id))
    ]


def _refused(session: Session) -> list[Refused]:
    query = select(SignalRow.tick_received_us, SignalRow.decided_at).where(SignalRow.status == "refused")
    return [Refused(instant(received_us), at) for received_us, at in session.execute(query) if at is not None]


def _booked(row: ExecutionRow) -> Recorded:
    return Recorded(row.symbol, row.venue_trade_id, row.client_order_id, row.price, row.amount, row.commission)


def _held(session: Session) -> dict[str, Decimal]:
    held: dict[str, Decimal] = {}
    for symbol, left in session.execute(select(TradeRow.symbol, TradeRow.left)):
        held[symbol] = held.get(symbol, ZERO) + left
    return held


def _trades(session: Session) -> list[HeldTrade]:
    query = (
        select(TradeRow, SignalRow.timestamp)
        .join(SignalRow, SignalRow.key == TradeRow.signal_key)
        .where(TradeRow.status == TradeStatus.OPEN, TradeRow.left != ZERO)
    )
    return [
        HeldTrade(
            trade_id=row.id,
            symbol=row.symbol,
            strategy=row.strategy,
            entered_on=bar_end,
            left=row.left,
            stop_price=row.stop_price,
            is_leaving=row.leaving_key is not None,
        )
        for row, bar_end in session.execute(query.order_by(TradeRow.id))
    ]


def _wishes(session: Session) -> list[WishToLeave]:
    own = SignalRow.leg == Leg.STRATEGY_EXIT, SignalRow.trade_id.is_(None)
    return [
        WishToLeave(row.symbol, row.strategy, row.timestamp, row.decided_at if row.status in REFUSED else None)
        for row in session.scalars(select(SignalRow).where(*own).order_by(SignalRow.id))
    ]
