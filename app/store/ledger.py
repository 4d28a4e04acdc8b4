"""The account and its lock: every limit is read and reserved under it, in the transaction that uses it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select, text

from app.domain.portfolio import Mark
from app.domain.risk import Account, Breaker, TradingState
from app.store.account import BREAKER, change_state, held, locked, opened, roll, valued, write_down
from app.store.audits import audit
from app.store.database import Database
from app.store.decision import Decision
from app.store.inserts import insert_new
from models import THE_ACCOUNT, AccountRow, EquityRow, OrderRow, TradeRow
from models.orders import LIVE


class Ledger:
    """What the account is worth, what it may do, and what is decided of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def deciding(self, signal_key: str, marks: Mapping[str, Mark], at: datetime) -> Iterator[Decision]:
        """Lock the account, roll its day, value it at `marks` (quote per base), and decide one signal."""
        with self._database.writing(followed=True) as session:
            row = locked(session)
            roll(session, row, marks, at)
            yield Decision(session, row, signal_key, valued(session, row, marks, at), at)

    def open_account(self, cash: Decimal, at: datetime) -> bool:
        """Create the account with its first cash; False if there is one."""
        values = {
            "id": THE_ACCOUNT,
            "trading_state": TradingState.ACTIVE,
            "state_reason": "opened",
            "state_by": "farm",
            "state_at": at,
            "day": at.date(),
            "day_open": cash,
            "day_high": cash,
            "cash": cash,
            "equity": cash,
            "updated_at": at,
            "reconciled_at": at,  # empty books agree with what the venue has just told
        }
        with self._database.writing() as session:
            opened = insert_new(session, AccountRow, [values], ("id",)) == 1
            if opened:
                audit(session, "account.opened", "ledger", {"cash": f"{cash:f}"}, at)
            return opened

    def account(self, marks: Mapping[str, Mark], at: datetime) -> Account:
        """The account as it stands, without locking it; Missing before it is opened."""
        with self._database.reading() as session:
            return valued(session, opened(session.get(AccountRow, THE_ACCOUNT)), marks, at)

    def mark(self, marks: Mapping[str, Mark], at: datetime, breaker: Breaker | None = None) -> Account:
        """Value the account, roll its day, raise its high, and keep the marks and a row of `equity`; what was valued.

        The stricter trading state that `breaker` demands of it is set in the same transaction.
        """
        with self._database.writing() as session:
            row = locked(session)
            write_down(session, marks, at)
            roll(session, row, marks, at)
            account = valued(session, row, marks, at)
            row.equity, row.day_high, row.updated_at = account.equity, account.day_high, at
            session.add(
                EquityRow(
                    timestamp=at,
                    equity=account.equity,
                    cash=account.cash,
                    exposure=account.exposure,
                    drawdown=account.drawdown,
                )
            )
            demand = breaker.demand(account) if breaker is not None else None
            if demand is not None:
                change_state(session, row, *demand, BREAKER, at)
            return account

    def set_state(self, state: TradingState, reason: str, by: str, at: datetime) -> None:
        """Change the trading state, audited."""
        with self._database.writing() as session:
            change_state(session, locked(session), state, reason, by, at)

    def resume(self, reason: str, by: str, breaker: Breaker, at: datetime) -> tuple[Decimal, Decimal]:
        """ACTIVE again, audited; the day's opening equity and high from which losses count from now on."""
        with self._database.writing() as session:
            row = locked(session)
            state = TradingState(row.trading_state)
            account = Account(state, row.cash, row.equity, row.day_open, row.day_high)
            before = {"day_open": f"{row.day_open:f}", "day_high": f"{row.day_high:f}"}
            row.day_open, row.day_high = breaker.rebased(account, tripped=row.state_by == BREAKER)
            after = {"day_open": f"{row.day_open:f}", "day_high": f"{row.day_high:f}"}
            if after != before:
                audit(session, "day.rebased", "ledger", {"from": before, "to": after, "reason": reason, "by": by}, at)
            change_state(session, row, TradingState.ACTIVE, reason, by, at)
            return row.day_open, row.day_high

    def held(self) -> list[str]:
        """Symbols with a position, a pending trade or a live order."""
        with self._database.reading() as session:
            trades = session.scalars(select(TradeRow.symbol).where(held()).distinct())
            orders = session.scalars(select(OrderRow.symbol).where(text(LIVE)).distinct())
            return sorted({*trades, *orders})
