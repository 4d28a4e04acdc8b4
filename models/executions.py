"""Executions: what the venue filled, once by its trade id."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Key, Money


class ExecutionRow(Base):
    """A fill; the commission is in `commission_asset`."""

    __tablename__ = "executions"
    __table_args__ = (UniqueConstraint("symbol", "venue_trade_id"), Index(None, "timestamp"), Index(None, "trade_id"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    trade_id: Mapped[int] = mapped_column(Key, ForeignKey("trades.id"))
    exchange_order_id: Mapped[str] = mapped_column(String(64))
    client_order_id: Mapped[str] = mapped_column(String(32), index=True)
    venue_trade_id: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(10))
    symbol: Mapped[str] = mapped_column(String(40))
    side: Mapped[str] = mapped_column(String(4))
    price: Mapped[Decimal] = mapped_column(Money)
    amount: Mapped[Decimal] = mapped_column(Money)
    commission: Mapped[Decimal] = mapped_column(Money)
    commission_asset: Mapped[str] = mapped_column(String(20))
    timestamp: Mapped[datetime] = mapped_column(Instant)
    correlation_id: Mapped[str] = mapped_column(String(80))
