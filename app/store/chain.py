"""The chain of sealed audits as it is read: by the sealer, and by whoever wants to know that nothing was changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Text, cast, extract, func, select, tuple_
from sqlalchemy.orm import Session

from app.domain.sealing import BEGINNING, Break, Entry, Head, Link, first_break, gone
from app.store.database import Database
from models import THE_HEAD, AuditHeadRow, AuditRow

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look over the chain found; `sealed` and `waiting` count rows, `sealed_at` is when the last seal was."""

    broken: Break | None
    sealed: int
    waiting: int
    head: Head
    sealed_at: datetime | None


def verify(database: Database, start: int = 1, noted: Head | None = None) -> Verdict:
    """Check the rows from sequence `start` on, and the head against a noted one, all in one moment."""
    with database.reading() as session:
        head = session.get(AuditHeadRow, THE_HEAD)
        ends = BEGINNING if head is None else Head(head.sequence, head.hash)
        return Verdict(
            broken=_broken(session, ends, start, noted),
            sealed=session.scalar(select(func.count(AuditRow.sequence))) or 0,
            waiting=session.scalar(select(func.count(AuditRow.id)).where(AuditRow.sequence.is_(None))) or 0,
            head=ends,
            sealed_at=None if head is None else head.timestamp,
        )


def unsealed(session: Session, limit: int) -> list[Entry]:
    """Rows that wait to be sealed, in the order of their ids."""
    query = _entries(session).where(AuditRow.sequence.is_(None)).order_by(AuditRow.id).limit(limit)
    return [Entry(*row[:5]) for row in session.execute(query)]


def _broken(session: Session, head: Head, start: int, noted: Head | None) -> Break | None:
    after = BEGINNING
    if start > 1:
        before = session.execute(_entries(session).where(AuditRow.sequence == start - 1)).first()
        if before is None:
            return gone(start - 1, "the rows that were asked for begin behind it")
        after = _link(before).head
    return first_break(_links(session, start), head, after=after, noted=noted)


def _links(session: Session, start: int) -> Iterator[Link]:
    """From a sequence on, or all, also those that no seal has made."""
    query = _entries(session).order_by(AuditRow.sequence, AuditRow.id).limit(BATCH)
    place = AuditRow.sequence >= start if start > 1 else AuditRow.sequence.is_not(None)
    while rows := session.execute(query.where(place)).all():
        yield from map(_link, rows)
        place = tuple_(AuditRow.sequence, AuditRow.id) > tuple_(rows[-1].sequence, rows[-1].id)


def _entries(session: Session) -> Select[int, str, str, str, str, int | None, str | None]:
    """Columns as text, so that what somebody else wrote there can be looked at, whatever it is."""
    time_us: Any = AuditRow.timestamp
    if session.get_bind().dialect.name != "sqlite":
        time_us = func.trunc(extract("epoch", AuditRow.timestamp) * 1_000_000)
    content = AuditRow.event_type, AuditRow.service, cast(AuditRow.data, Text), cast(time_us, Text)
    return select(AuditRow.id, *content, AuditRow.sequence, AuditRow.hash)


def _link(row: Any) -> Link:
    return Link(row.sequence, row.hash, Entry(*row[:5]))
