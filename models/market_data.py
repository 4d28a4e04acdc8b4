"""Raw ticks, once each; partitioned by day on PostgreSQL."""

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Key


class MarketDataRow(Base):
    """A tick; `timestamp` tells those of one millisecond apart by microseconds. PostgreSQL's key is (id, timestamp)."""

    __tablename__ = "market_data"
    __table_args__ = (
        UniqueConstraint("symbol", "timestamp"),
        Index(None, "timestamp"),
        {"postgresql_partition_by": "RANGE (timestamp)"},
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True, doc="Its number.")
    symbol: Mapped[str] = mapped_column(String(40), doc="Such as BTC/USDT.")
    price: Mapped[float] = mapped_column(doc="In quote currency.")
    volume: Mapped[float] = mapped_column(doc="In base currency.")
    side: Mapped[str] = mapped_column(String(4), doc="Of who took: buy or sell.")
    timestamp: Mapped[datetime] = mapped_column(Instant, doc="By the venue's clock.")
    source: Mapped[str] = mapped_column(String(20), doc="Who told it.")
