"""What happened on a day, for its report."""

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.days import Day
from app.domain.portfolio import TradeStatus
from app.domain.risk import ZERO
from app.store.database import Database
from models import THE_ACCOUNT, AccountRow, DeadLetterRow, EquityRow, OrderRow, TradeRow


class Days:
    """Read models; nothing decides on them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, day: date) -> Day:
        """A day (UTC), also one that is not over or on which there was nothing."""
        since = datetime.combine(day, time(), UTC)
        until = since + timedelta(days=1)
        within = TradeRow.closed_at >= since, TradeRow.closed_at < until, TradeRow.status == TradeStatus.CLOSED
        equities = select(EquityRow).where(EquityRow.timestamp >= since, EquityRow.timestamp < until)
        with self._database.reading() as session:
            closed = session.scalars(select(TradeRow).where(*within)).all()
            account = session.get(AccountRow, THE_ACCOUNT)
            first = session.scalars(equities.order_by(EquityRow.timestamp).limit(1)).first()
            last = session.scalars(equities.order_by(EquityRow.timestamp.desc()).limit(1)).first()
            deepest = max(session.scalars(equities.with_only_columns(EquityRow.drawdown)), default=ZERO)
            letters = select(func.count()).where(DeadLetterRow.timestamp >= since, DeadLetterRow.timestamp < until)
            still_open = select(func.count()).where(TradeRow.status == TradeStatus.OPEN)
            return Day(
                date=day,
                opened=first.equity if first else None,
                closed=last.equity if last else None,
                drawdown=deepest,
                trades=len(closed),
                won=sum(trade.realised > 0 for trade in closed),
                profit=sum((trade.realised for trade in closed), ZERO),
                fees=sum((trade.fees for trade in closed), ZERO),
                orders=_orders(session, since, until),
                failed_tasks=session.scalar(letters) or 0,
                unprotected_s=sum(trade.unprotected_s for trade in closed),
                trades_open=session.scalar(still_open) or 0,
                state=account.trading_state if account else "",
            )


def _orders(session: Session, since: datetime, until: datetime) -> dict[str, int]:
    query = (
        select(OrderRow.state, func.count())
        .where(OrderRow.created_at >= since, OrderRow.created_at < until)
        .group_by(OrderRow.state)
    )
    return {str(state): count for state, count in session.execute(query)}
