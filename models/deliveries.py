"""Deliveries: which channel is to bring which part of which alert."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Key


class DeliveryRow(Base):
    """A part (raised, lasts, over, happened) of an alert for a channel, which is tried from `next_at` on.

    `channel` is its address without what is secret. `error` is what the last attempt failed of.
    """

    __tablename__ = "deliveries"
    __table_args__ = (Index(None, "state", "channel", "next_at"), Index(None, "alert_id"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    alert_id: Mapped[int] = mapped_column(Key, ForeignKey("alerts.id"))
    channel: Mapped[str] = mapped_column(String(200))
    part: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int]
    timestamp: Mapped[datetime] = mapped_column(Instant)
    next_at: Mapped[datetime] = mapped_column(Instant)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    error: Mapped[str] = mapped_column(Text)
