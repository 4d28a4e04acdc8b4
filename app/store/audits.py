"""The record of what was decided and done."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.store.database import Database
from models import AuditRow


class Audits:
    """Appends rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, event: str, service: str, data: Mapping[str, Any], at: datetime) -> None:
        """Append a row of its own transaction."""
        with self._database.writing() as session:
            audit(session, event, service, data, at)


def audit(session: Session, event: str, service: str, data: Mapping[str, Any], at: datetime) -> None:
    """Append a row to the transaction in which the thing happens."""
    session.add(AuditRow(event_type=event, service=service, data=dict(data), timestamp=at))
