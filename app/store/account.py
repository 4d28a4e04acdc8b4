"""The account's row: its lock, its value, its day and its state."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, func, or_, select, text
from sqlalchemy.orm import Session

from app.domain import marks
from app.domain.errors import NotOpenYet
from app.domain.portfolio import Mark, TradeStatus
from app.domain.risk import ZERO, Account, TradingState
from app.store import rows
from app.store.audits import audit
from models import THE_ACCOUNT, AccountRow, InstrumentRow, OrderRow, TradeRow
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


def valued(session: Session, row: AccountRow, heard: Mapping[str, Mark], at: datetime) -> Account:
    """The account at what was heard, or at the last marks that were written down where nothing newer was."""
    return replace(worth(session, row, heard, at), left_at=_left_at(session, at))


def worth(session: Session, row: AccountRow, heard: Mapping[str, Mark], at: datetime) -> Account:
    """The same without what it left lately, which takes longer to find the more there was."""
    trades = [rows.trade(row) for row in session.execute(select(*rows.TRADE_COLUMNS).where(held()))]
    columns = OrderRow.symbol, OrderRow.reserved, OrderRow.filled, OrderRow.price
    entries = session.execute(select(*columns).where(text(LIVE), OrderRow.leg == "entry")).all()
    valuation = marks.valued(trades, heard, at)
    old_marks = _of_those_that_trade(session, valuation.old)
    equity = row.cash + valuation.exposure
    symbols = {trade.symbol for trade in trades if trade.status != TradeStatus.CLOSED}
    return Account(
        state=TradingState(row.trading_state),
        cash=row.cash,
        equity=equity,
        day_open=row.day_open,
        day_high=row.day_high if old_marks else max(row.day_high, equity),
        exposure=valuation.exposure,
        reserved=sum((_unfilled(reserved, filled, price) for _, reserved, filled, price in entries), ZERO),
        busy=frozenset(symbols | {symbol for symbol, *_ in entries}),
        reconciled_at=row.reconciled_at,
        old_marks=old_marks,
    )


def write_down(session: Session, heard: Mapping[str, Mark], at: datetime) -> None:
    """Keep the newest price of each symbol with the trades that hold it: Redis may forget all that was heard."""
    query = select(TradeRow).where(text(HELD)).order_by(TradeRow.id).with_for_update()
    trades = session.scalars(query).all()
    newest = marks.valued(map(rows.trade, trades), heard, at).marks
    for trade in trades:
        mark = newest[trade.symbol]
        trade.mark, trade.marked_at = mark.price, mark.at


def _of_those_that_trade(session: Session, old: Mapping[str, timedelta]) -> dict[str, timedelta]:
    """Without those that are suspended or not listed any more: no newer price can be known of them."""
    if not old:
        return {}
    query = select(InstrumentRow.symbol).where(InstrumentRow.symbol.in_(old), InstrumentRow.tradable)
    return {symbol: old[symbol] for symbol in session.scalars(query.order_by(InstrumentRow.symbol))}


def _unfilled(reserved: Decimal, filled: Decimal, price: Decimal) -> Decimal:
    """Exact, as a share of it would not be: what was filled has cost its limit at most."""
    return max(ZERO, reserved - filled * price)


def _left_at(session: Session, at: datetime) -> dict[str, datetime]:
    query = (
        select(TradeRow.symbol, func.max(TradeRow.closed_at, type_=TradeRow.closed_at.type))
        .where(TradeRow.status == TradeStatus.CLOSED, TradeRow.closed_at >= at - REMEMBERED)
        .group_by(TradeRow.symbol)
    )
    return {symbol: left for symbol, left in session.execute(query) if left is not None}


def roll(session: Session, row: AccountRow, heard: Mapping[str, Mark], at: datetime) -> None:
    """At 00:00 UTC the day's marks begin anew, and what the drawdown reduced is active again.

    A day begins with the first valuation that knows the prices: one at old marks would begin it with another day's.
    """
    if at.date() <= row.day:
        return
    account = valued(session, row, heard, at)
    if account.old_marks:
        return
    equity = account.equity
    told = {"from": row.day.isoformat(), "to": at.date().isoformat(), "equity": f"{equity:f}"}
    audit(session, "day.rolled", "ledger", told, at)
    row.day, row.day_open, row.day_high, row.equity = at.date(), equity, equity, equity
    if row.trading_state == TradingState.REDUCING and row.state_by == BREAKER:
        change_state(session, row, TradingState.ACTIVE, "a new day", BREAKER, at)
