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

    id: Mapped[int] = mapped_column(Key, primary_key=True, doc="Its number.")
    symbol: Mapped[str] = mapped_column(String(40), doc="Such as BTC/USDT.")
    interval: Mapped[str] = mapped_column(String(8), doc="Such as 1m.")
    end: Mapped[datetime] = mapped_column(Instant, doc="The instant at which it ends, which is not in it.")
    open: Mapped[float] = mapped_column(doc="First price.")
    high: Mapped[float] = mapped_column(doc="Highest price.")
    low: Mapped[float] = mapped_column(doc="Lowest price.")
    close: Mapped[float] = mapped_column(doc="Last price.")
    volume: Mapped[float] = mapped_column(doc="Base currency traded.")
    ticks: Mapped[int] = mapped_column(doc="How many there were.")
    whole: Mapped[bool] = mapped_column(doc="Whether all of its ticks were heard.")
