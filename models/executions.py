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

    id: Mapped[int] = mapped_column(Key, primary_key=True, doc="Its number.")
    trade_id: Mapped[int] = mapped_column(Key, ForeignKey("trades.id"), doc="What it belongs to.")
    exchange_order_id: Mapped[str] = mapped_column(String(64), doc="The venue's name of the order.")
    client_order_id: Mapped[str] = mapped_column(String(32), index=True, doc="Ours.")
    venue_trade_id: Mapped[str] = mapped_column(String(64), doc="The venue's name of the fill.")
    status: Mapped[str] = mapped_column(String(10), doc="Always filled.")
    symbol: Mapped[str] = mapped_column(String(40), doc="Such as BTC/USDT.")
    side: Mapped[str] = mapped_column(String(4), doc="buy or sell.")
    price: Mapped[Decimal] = mapped_column(Money, doc="In quote currency.")
    amount: Mapped[Decimal] = mapped_column(Money, doc="In base currency.")
    commission: Mapped[Decimal] = mapped_column(Money, doc="In `commission_asset`.")
    commission_asset: Mapped[str] = mapped_column(String(20), doc="A currency.")
    timestamp: Mapped[datetime] = mapped_column(Instant, doc="When it was filled, by the venue's clock.")
    correlation_id: Mapped[str] = mapped_column(String(80), doc="The same in all that followed from one tick.")
