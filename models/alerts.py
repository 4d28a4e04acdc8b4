"""Alerts: what a person is told of."""

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Key


class AlertRow(Base):
    """Something that happened, or that is wrong until it is `over_at`; `told_at` is when it was last given out.

    `open_key` is its `key` for as long as another with that key would be the same, and null afterwards.
    """

    __tablename__ = "alerts"
    __table_args__ = (Index(None, "timestamp"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True, doc="Its number.")
    key: Mapped[str] = mapped_column(String(240), doc="What it is about, for it to be known again.")
    open_key: Mapped[str | None] = mapped_column(String(240), unique=True, doc="The same while it stands.")
    kind: Mapped[str] = mapped_column(String(20), doc="Of which trigger.")
    about: Mapped[str] = mapped_column(String(200), doc="Symbol, order or service.")
    severity: Mapped[str] = mapped_column(String(10), doc="critical, warning or info.")
    title: Mapped[str] = mapped_column(Text, doc="In a line.")
    text: Mapped[str] = mapped_column(Text, doc="What happened and what to do.")
    timestamp: Mapped[datetime] = mapped_column(Instant, doc="Since when.")
    told_at: Mapped[datetime] = mapped_column(Instant, doc="When it was last given out.")
    over_at: Mapped[datetime | None] = mapped_column(Instant, doc="When it ended.")
