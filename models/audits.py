"""Audits: what was decided and done, in order, never changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Json, Key


class AuditRow(Base):
    """One event."""

    __tablename__ = "audits"
    __table_args__ = (Index(None, "timestamp"), Index(None, "event_type"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    event_type: Mapped[str] = mapped_column(String(80))
    service: Mapped[str] = mapped_column(String(40))
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    timestamp: Mapped[datetime] = mapped_column(Instant)
