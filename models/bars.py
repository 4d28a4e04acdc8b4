"""Closed bars."""

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Key


class BarRow(Base):
    """Open, high, low, close and volume of an interval that ends at `end`."""

    __tablename__ = "bars"
    __table_args__ = (
        UniqueConstraint("symbol", "interval", "end"),
        Index(None, "end"),
        Index(
            "ix_bars_gaps",
            "interval",
            "end",
            sqlite_where=text("NOT whole"),
            postgresql_where=text("NOT whole"),
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    symbol: Mapped[str] = mapped_column(String(40))
    interval: Mapped[str] = mapped_column(String(8))
    end: Mapped[datetime] = mapped_column(Instant)
    open: Mapped[float]
    high: Mapped[float]
    low: Mapped[float]
    close: Mapped[float]
    volume: Mapped[float]
    ticks: Mapped[int]
    whole: Mapped[bool]
