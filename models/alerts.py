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

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(String(240))
    open_key: Mapped[str | None] = mapped_column(String(240), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    about: Mapped[str] = mapped_column(String(200))
    severity: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    timestamp: Mapped[datetime] = mapped_column(Instant)
    told_at: Mapped[datetime] = mapped_column(Instant)
    over_at: Mapped[datetime | None] = mapped_column(Instant)
