"""The record of what was decided and done."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.orm import Session

from app.store.database import Database
from models import AuditRow

CONTEXT = ("task", "task_id", "correlation_id")  # what the running task put on its log lines


class Audits:
    """Appends rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, event: str, service: str, data: Mapping[str, Any], at: datetime) -> None:
        """Append a row of its own transaction."""
        with self._database.writing() as session:
            audit(session, event, service, data, at)


def audit(session: Session, event: str, service: str, data: Mapping[str, Any], at: datetime) -> None:
    """Append a row to the transaction in which the thing happens; what `data` says goes before the task's context."""
    bound = structlog.contextvars.get_contextvars()
    context = {name: str(bound[name]) for name in CONTEXT if name in bound}
    told = {name: value for name, value in data.items() if value is not None}
    session.add(AuditRow(event_type=event, service=service, data=context | told, timestamp=at))
