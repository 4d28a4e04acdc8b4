"""The record of what was decided and done, and the seal over it."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain.sealing import BEGINNING, Head, plain, sealed
from app.store.chain import unsealed
from app.store.database import Database
from app.store.inserts import insert_new
from models import THE_HEAD, AuditHeadRow, AuditRow

CONTEXT = ("task", "task_id", "correlation_id")  # what the running task put on its log lines


class Audits:
    """Appends rows, and seals them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, event: str, service: str, data: Mapping[str, Any], at: datetime) -> None:
        """Append a row of its own transaction."""
        with self._database.writing() as session:
            audit(session, event, service, data, at)

    def seal(self, limit: int, at: datetime) -> int:
        """Seal so many of the rows that wait, by their ids, in one transaction; how many there were."""
        with self._database.writing() as session:
            row = _locked_head(session, at)
            links = sealed(Head(row.sequence, row.hash), unsealed(session, limit))
            if links:
                places = [{"id": one.entry.id, **asdict(one.head)} for one in links]
                session.execute(update(AuditRow), places)
                row.sequence, row.hash, row.timestamp = links[-1].sequence, links[-1].hash, at
            return len(links)

    def head(self) -> Head:
        """Where the chain ends."""
        with self._database.reading() as session:
            row = session.get(AuditHeadRow, THE_HEAD)
            return BEGINNING if row is None else Head(row.sequence, row.hash)


def audit(session: Session, event: str, service: str, data: Mapping[str, Any], at: datetime) -> None:
    """Append a row to the transaction in which the thing happens; what `data` says goes before the task's context."""
    bound = structlog.contextvars.get_contextvars()
    context = {name: str(bound[name]) for name in CONTEXT if name in bound}
    told = {name: plain(value) for name, value in data.items() if value is not None}
    session.add(AuditRow(event_type=event, service=service, data=context | told, timestamp=at))


def _locked_head(session: Session, at: datetime) -> AuditHeadRow:
    """The head's row, locked until the transaction ends; made when the first row is sealed."""
    row = session.get(AuditHeadRow, THE_HEAD, with_for_update=True)
    if row is not None:
        return row
    insert_new(session, AuditHeadRow, [{"id": THE_HEAD, **asdict(BEGINNING), "timestamp": at}], ("id",))
    return session.get_one(AuditHeadRow, THE_HEAD, with_for_update=True)
