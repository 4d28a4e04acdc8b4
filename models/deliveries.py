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

    id: Mapped[int] = mapped_column(Key, primary_key=True, doc="Its number.")
    alert_id: Mapped[int] = mapped_column(Key, ForeignKey("alerts.id"), doc="What is brought.")
    channel: Mapped[str] = mapped_column(String(200), doc="To whom: the address without what is secret.")
    part: Mapped[str] = mapped_column(String(10), doc="raised, lasts, over or happened.")
    state: Mapped[str] = mapped_column(String(10), doc="waiting, sent or given up.")
    attempts: Mapped[int] = mapped_column(doc="How often it was tried.")
    timestamp: Mapped[datetime] = mapped_column(Instant, doc="Since when it waits.")
    next_at: Mapped[datetime] = mapped_column(Instant, doc="When it is tried next.")
    sent_at: Mapped[datetime | None] = mapped_column(Instant, doc="When it was taken.")
    error: Mapped[str] = mapped_column(Text, doc="What the last attempt failed of.")
