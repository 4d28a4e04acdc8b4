"""How a signal is closed: the checks that were made of it, its state, and the audit that tells so."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.domain.errors import Missing
from app.domain.risk import Check
from app.store.audits import audit
from models import RiskEventRow, SignalRow

REFUSED = ("refused", "expired")


def locked(session: Session, key: str) -> SignalRow:
    """A signal's row, locked until the transaction ends; Missing if there is none."""
    row = session.scalar(select(SignalRow).where(SignalRow.key == key).with_for_update())
    if row is None:
        raise Missing(f"there is no signal {key}")
    return row


def record(
    session: Session, row: SignalRow, checks: Iterable[Check], at: datetime, trade_id: int | None = None
) -> None:
    """Keep the checks as `risk_events`, all of them in one statement: nobody asks for their numbers."""
    events = [
        {
            "trade_id": trade_id,
            "signal_key": row.key,
            "risk_check": check.rule,
            "result": "refused" if check.objection else "passed",
            "reason": check.objection,
            "numbers": dict(check.numbers),
            "timestamp": at,
        }
        for check in checks
    ]
    if events:
        session.connection().execute(insert(RiskEventRow), events)


def close(session: Session, row: SignalRow, status: str, reason: str | None, at: datetime) -> None:
    """The signal is approved, refused or expired."""
    row.status, row.decided_at, row.decision_reason = status, at, reason
    tell(session, row, f"signal.{status}", at, reason=reason)
    session.flush()


def tell(session: Session, row: SignalRow, event: str, at: datetime, **data: Any) -> None:
    """Audit what a decision about a signal did."""
    about = {"signal_key": row.key, "symbol": row.symbol, "correlation_id": row.correlation_id}
    audit(session, event, "risk", about | data, at)
