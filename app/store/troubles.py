"""What the database knows of what a person should be told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.domain.alerts import Bare, Change, Failures, Kept, Unclear
from app.domain.letters import UNDONE
from app.domain.orders import OUT_OF_REACH, OrderState
from app.domain.reconciliation import Difference
from app.store.database import Database
from app.store.reports import held_orders
from models import THE_ACCOUNT, AccountRow, AuditRow, DeadLetterRow, OrderRow, TradeRow
from models.orders import LIVE


class Troubles:
    """Reads them all in one moment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, changes_since: datetime) -> Kept:
        """As it is now, with the changes of the trading state since then, oldest first."""
        with self._database.reading() as session:
            account = session.get(AccountRow, THE_ACCOUNT)
            return Kept(
                changes=_changes(session, changes_since),
                unclear=_unclear(session),
                held_orders=held_orders(session),
                bare=_bare(session),
                failures=_failures(session),
                differences=tuple(Difference(**one) for one in (account.differences if account else None) or ()),
                is_open=account is not None,
                reconciled_at=account.reconciled_at if account else None,
            )


def _changes(session: Session, since: datetime) -> Sequence[Change]:
    query = (
        select(AuditRow)
        .where(AuditRow.event_type == "trading_state", AuditRow.timestamp >= since)
        .order_by(AuditRow.id)
    )
    return [_change(row.id, row.data, row.timestamp) for row in session.scalars(query)]


def _change(number: int, data: dict[str, Any], at: datetime) -> Change:
    return Change(number, data["from"], data["to"], data["reason"], data["by"], at)


def _unclear(session: Session) -> Sequence[Unclear]:
    query = select(OrderRow.client_order_id, OrderRow.symbol, OrderRow.claimed_at).where(
        text(LIVE), OrderRow.state == OrderState.UNKNOWN, OrderRow.reason.is_distinct_from(OUT_OF_REACH)
    )
    return [
        Unclear(name, symbol, since) for name, symbol, since in session.execute(query.order_by(OrderRow.id)) if since
    ]


def _bare(session: Session) -> Sequence[Bare]:
    query = select(TradeRow.id, TradeRow.symbol, TradeRow.unprotected_since).where(
        TradeRow.unprotected_since.is_not(None), TradeRow.closed_at.is_(None)
    )
    return [
        Bare(number, symbol, since) for number, symbol, since in session.execute(query.order_by(TradeRow.id)) if since
    ]


def _failures(session: Session) -> Sequence[Failures]:
    kinds = (
        select(DeadLetterRow.name, DeadLetterRow.kind, func.count(), func.max(DeadLetterRow.id))
        .where(DeadLetterRow.state.in_(UNDONE))
        .group_by(DeadLetterRow.name, DeadLetterRow.kind)
        .order_by(DeadLetterRow.name, DeadLetterRow.kind)
    )
    found = list(session.execute(kinds))
    newest = select(DeadLetterRow.id, DeadLetterRow.about).where(DeadLetterRow.id.in_([row[3] for row in found]))
    abouts = {number: str(about) for number, about in session.execute(newest)}
    return [Failures(name, kind, count, abouts[number]) for name, kind, count, number in found]
