"""Signals in the database (`trading_signals`)."""

from datetime import datetime

from sqlalchemy import select

from app.domain.errors import Missing
from app.domain.risk import Check
from app.domain.trading import Signal
from app.store import rows, verdicts
from app.store.audits import audit
from app.store.database import Database
from app.store.inserts import insert_new
from models import SignalRow


class Signals:
    """Signals by key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, signal: Signal) -> bool:
        """Store a signal; False if its key was there."""
        with self._database.writing(followed=True) as session:
            new = insert_new(session, SignalRow, [rows.signal_values(signal)], ("key",)) == 1
            if new:
                told = {"signal_key": signal.key, "symbol": signal.symbol, "side": signal.side, "leg": signal.leg}
                about = {"reason": signal.reason, "correlation_id": signal.correlation_id}
                audit(session, "signal.found", "signals", told | about, signal.found_at)
            return new

    def get(self, key: str) -> Signal:
        """The signal, or Missing."""
        with self._database.reading() as session:
            row = session.scalar(select(SignalRow).where(SignalRow.key == key))
            if row is None:
                raise Missing(f"there is no signal {key}")
            return rows.signal(row)

    def expire(self, key: str, check: Check, at: datetime) -> bool:
        """Refuse a signal that nobody has decided, with the check on record; False if it has become an order."""
        with self._database.writing() as session:
            row = verdicts.locked(session, key)
            if row.status == "found":
                verdicts.record(session, row, [check], at)
                verdicts.close(session, row, "expired", f"{check.rule}: {check.objection}", at)
            return row.status in verdicts.REFUSED

    def refusal(self, key: str) -> str | None:
        """Why a signal was refused or has expired; None if it was not, or Missing."""
        query = select(SignalRow.status, SignalRow.decision_reason).where(SignalRow.key == key)
        with self._database.reading() as session:
            found = session.execute(query).one_or_none()
        if found is None:
            raise Missing(f"there is no signal {key}")
        return found.decision_reason or found.status if found.status in verdicts.REFUSED else None

    def undecided(self, found_before: datetime, limit: int) -> list[str]:
        """Keys of signals that nobody has approved, refused or expired, oldest first."""
        query = (
            select(SignalRow.key)
            .where(SignalRow.status == "found", SignalRow.found_at < found_before)
            .order_by(SignalRow.found_at)
            .limit(limit)
        )
        with self._database.reading() as session:
            return list(session.scalars(query))
