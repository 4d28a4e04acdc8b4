"""Whether a database is for paper or for real money: what the one holds must never be traded as the other's."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.store.audits import audit
from app.store.database import Database
from models import AuditRow

EVENT = "database.purpose"


class Purpose:
    """Kept as an audit, the first time that anybody asks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, mode: str, at: datetime) -> str:
        """The mode of trading that it is for: this one if it was for none."""
        with self._database.reading() as session:  # who only asks waits for nobody
            kept = _kept(session)
        if kept is not None:
            return kept
        with self._database.writing() as session:
            kept = _kept(session)
            if kept is None:
                audit(session, EVENT, "farm", {"mode": mode}, at)
            return kept or mode


def _kept(session: Session) -> str | None:
    data = session.scalar(select(AuditRow.data).where(AuditRow.event_type == EVENT).order_by(AuditRow.id).limit(1))
    return None if data is None else str(data["mode"])
