"""The account's row: its lock, its value, its day and its state."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, func, or_, select, text
from sqlalchemy.orm import Session

from app.domain.errors import NotOpenYet
from app.domain.portfolio import TradeStatus
from app.domain.risk import ZERO, Account, TradingState
from app.store.audits import audit
from models import THE_ACCOUNT, AccountRow, OrderRow, TradeRow
from models.orders import LIVE
from models.trades import HELD

REMEMBERED = timedelta(days=7)  # how far back the end of a symbol's last trade is looked for
BREAKER = "breaker"


def change_state(session: Session, row: AccountRow, state: TradingState, reason: str, by: str, at: datetime) -> None:
    """Write a trading state and its audit row; the account is locked."""
    change = {"from": row.trading_state, "to": state, "reason": reason, "by": by}
    audit(session, "trading_state", "ledger", change, at)
    row.trading_state, row.state_reason, row.state_by, row.state_at = state, reason, by, at


def locked(session: Session) -> AccountRow:
    """The account's row, locked until the transaction ends; NotOpenYet before it is opened."""
    return opened(session.get(AccountRow, THE_ACCOUNT, with_for_update=True))


def no_entries(session: Session) -> str | None:
    """Why no entry may go out, until the transaction ends: who would change the state waits, who reads it does not."""
    row = opened(session.get(AccountRow, THE_ACCOUNT, with_for_update={"read": True}))
    if row.trading_state == TradingState.ACTIVE:
        return None
    return f"trading is {row.trading_state} since it was approved: {row.state_reason}"


def opened(row: AccountRow | None) -> AccountRow:
    """The row, or NotOpenYet."""
    if row is None:
        raise NotOpenYet("the account is not open yet; the farm opens it when the venue has told its balance")
    return row


def held() -> ColumnElement[bool]:
    """Trades that hold something, or may soon."""
    return or_(text(HELD), TradeRow.status == TradeStatus.PENDING)


def valued(session: Session, row: AccountRow, marks: Mapping[str, Decimal], at: datetime) -> Account:
    """The account at these prices; a symbol without one counts at its entry price."""
    trades = session.scalars(select(TradeRow).where(held())).all()
    entries = session.scalars(select(OrderRow).where(text(LIVE), OrderRow.leg == "entry")).all()
    exposure = sum((trade.left * _mark(trade, marks) for trade in trades), ZERO)
    equity = row.cash + exposure
    symbols = {trade.symbol for trade in trades if trade.status != TradeStatus.CLOSED}
    return Account(
        state=TradingState(row.trading_state),
        cash=row.cash,
        equity=equity,
        day_open=row.day_open,
        day_high=max(row.day_high, equity),
        exposure=exposure,
        reserved=sum((_unfilled(order) for order in entries), ZERO),
        busy=frozenset(symbols | {order.symbol for order in entries}),
        left_at=_left_at(session, at),
        reconciled_at=row.reconciled_at,
    )


def _mark(trade: TradeRow, marks: Mapping[str, Decimal]) -> Decimal:
    return marks.get(trade.symbol, trade.entry_price or ZERO)


def _unfilled(order: OrderRow) -> Decimal:
    """Exact, as a share of it would not be: what was filled has cost its limit at most."""
    return max(ZERO, order.reserved - order.filled * order.price)


def _left_at(session: Session, at: datetime) -> dict[str, datetime]:
    query = (
        select(TradeRow.symbol, func.max(TradeRow.closed_at, type_=TradeRow.closed_at.type))
        .where(TradeRow.status == TradeStatus.CLOSED, TradeRow.closed_at >= at - REMEMBERED)
        .group_by(TradeRow.symbol)
    )
    return {symbol: left for symbol, left in session.execute(query) if left is not None}


def roll(session: Session, row: AccountRow, marks: Mapping[str, Decimal], at: datetime) -> None:
    """At 00:00 UTC the day's marks begin anew, and what the drawdown reduced is active again."""
    if at.date() <= row.day:
        return
    equity = valued(session, row, marks, at).equity
    told = {"from": row.day.isoformat(), "to": at.date().isoformat(), "equity": f"{equity:f}"}
    audit(session, "day.rolled", "ledger", told, at)
    row.day, row.day_open, row.day_high = at.date(), equity, equity
    if row.trading_state == TradingState.REDUCING and row.state_by == BREAKER:
        change_state(session, row, TradingState.ACTIVE, "a new day", BREAKER, at)
