"""Our books as a reconciliation reads them, and what it found."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from app.domain.orders import OrderState
from app.domain.reconciliation import Difference, KnownOrder, Snapshot
from app.domain.risk import ZERO
from app.store.account import held, locked, opened
from app.store.audits import audit
from app.store.database import Database
from models import THE_ACCOUNT, AccountRow, ExecutionRow, OrderRow, TradeRow
from models.orders import LIVE

LONGEST_LIFE = timedelta(days=1)  # no order of ours works longer


class Books:
    """Cash, coins, orders and executions beside the last reconciliation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, since: datetime) -> Snapshot:
        """All in one moment; NotOpenYet before there is an account."""
        with self._database.reading() as session:
            account = opened(session.get(AccountRow, THE_ACCOUNT))
            trades = session.execute(select(TradeRow.symbol, TradeRow.left).where(held())).all()
            coins: dict[str, Decimal] = {}
            for symbol, left in trades:
                base = symbol.partition("/")[0]
                coins[base] = coins.get(base, ZERO) + left
            executions = select(ExecutionRow.symbol, ExecutionRow.venue_trade_id).where(
                ExecutionRow.timestamp >= since - LONGEST_LIFE
            )
            return Snapshot(
                cash=account.cash,
                coins=coins,
                orders=_orders(session, since - LONGEST_LIFE),
                executions=frozenset((symbol, number) for symbol, number in session.execute(executions)),
                held=frozenset(symbol for symbol, _ in trades),
                first_order_at=session.scalar(select(func.min(OrderRow.created_at, type_=OrderRow.created_at.type))),
                reconciled_at=account.reconciled_at,
                differences=tuple(Difference(**one) for one in account.differences or ()),
            )

    def keep(self, differences: Iterable[Difference], at: datetime | None) -> None:
        """Keep what differs; `at` is when the books were found to agree otherwise, None if they were not."""
        with self._database.writing() as session:
            row = locked(session)
            row.differences = [asdict(one) for one in differences]
            if at is not None:
                row.reconciled_at = max(at, row.reconciled_at or at)

    def forget(self) -> None:
        """Nothing is reconciled any more: no entry until it is again."""
        with self._database.writing() as session:
            row = session.get(AccountRow, THE_ACCOUNT, with_for_update=True)
            if row is not None:
                row.reconciled_at = None

    def adopt(self, cash: Decimal, reason: str, by: str, at: datetime) -> Decimal | None:
        """Set the cash, audited, and return what it was; None if an order is live, which may move it any moment.

        The day's marks move with it: money that came or went is no profit and no loss.
        """
        with self._database.writing() as session:
            row = locked(session)
            if session.scalar(select(OrderRow.id).where(text(LIVE)).limit(1)) is not None:
                return None
            before = row.cash
            moved = cash - before
            row.cash, row.equity = cash, row.equity + moved
            row.day_open, row.day_high = row.day_open + moved, row.day_high + moved
            told = {"from": f"{before:f}", "to": f"{cash:f}", "reason": reason, "by": by}
            audit(session, "account.adopted", "reconcile", told, at)
            return before


def _orders(session: Session, since: datetime) -> list[KnownOrder]:
    query = select(
        OrderRow.client_order_id,
        OrderRow.exchange_order_id,
        OrderRow.symbol,
        OrderRow.state,
        OrderRow.filled,
        OrderRow.claimed_at,
    ).where(or_(text(LIVE), OrderRow.created_at >= since))
    return [
        KnownOrder(name, number, symbol, OrderState(state), filled, claimed_at is not None)
        for name, number, symbol, state, filled, claimed_at in session.execute(query)
    ]
