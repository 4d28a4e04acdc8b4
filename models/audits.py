"""Audits: what was decided and done, in order, never changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Json, Key

UNSEALED = text("sequence IS NULL")


class AuditRow(Base):
    """One event; `sequence` and `hash` are given to it once, when it is sealed."""

    __tablename__ = "audits"
    __table_args__ = (
        Index(None, "timestamp"),
        Index(None, "event_type"),
        Index("uq_audits_sequence", "sequence", unique=True),
        Index("ix_audits_unsealed", "id", sqlite_where=UNSEALED, postgresql_where=UNSEALED),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True, doc="In the order of writing.")
    event_type: Mapped[str] = mapped_column(String(80), doc="Such as order.filled.")
    service: Mapped[str] = mapped_column(String(40), doc="Which part of the farm wrote it.")
    data: Mapped[dict[str, Any]] = mapped_column(Json, doc="What there is to know of it.")
    timestamp: Mapped[datetime] = mapped_column(Instant, doc="When it happened.")
    sequence: Mapped[int | None] = mapped_column(BigInteger, doc="Its place in the chain, once it is sealed.")
    hash: Mapped[str | None] = mapped_column(String(64), doc="Over itself and the hash before.")
