"""Orders: approved instructions and where they stand."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Key, Money

LIVE = "state IN ('approved', 'submitting', 'unknown', 'open', 'partially_filled')"
LIVE_EXIT = f"leg <> 'entry' AND {LIVE}"


class OrderRow(Base):
    """An order; one live exit per trade, by a unique index. `last_answer` is the venue's while it was unclear."""

    __tablename__ = "orders"
    __table_args__ = (
        Index("ix_orders_live", "touched_at", sqlite_where=text(LIVE), postgresql_where=text(LIVE)),
        Index(
            "uq_orders_live_exit",
            "trade_id",
            unique=True,
            sqlite_where=text(LIVE_EXIT),
            postgresql_where=text(LIVE_EXIT),
        ),
        Index(None, "trade_id"),
        Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    client_order_id: Mapped[str] = mapped_column(String(32), unique=True)
    trade_id: Mapped[int] = mapped_column(Key, ForeignKey("trades.id"))
    signal_key: Mapped[str] = mapped_column(String(32), unique=True)
    symbol: Mapped[str] = mapped_column(String(40))
    side: Mapped[str] = mapped_column(String(4))
    leg: Mapped[str] = mapped_column(String(20))
    type: Mapped[str] = mapped_column(String(10))
    amount: Mapped[Decimal] = mapped_column(Money)
    price: Mapped[Decimal] = mapped_column(Money)
    reserved: Mapped[Decimal] = mapped_column(Money)
    state: Mapped[str] = mapped_column(String(20))
    exchange_order_id: Mapped[str | None] = mapped_column(String(64), index=True)
    filled: Mapped[Decimal] = mapped_column(Money)
    attempts: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    claimed_at: Mapped[datetime | None] = mapped_column(Instant)
    lease_until: Mapped[datetime | None] = mapped_column(Instant)
    acceptable_until: Mapped[datetime | None] = mapped_column(Instant)
    submitted_at: Mapped[datetime | None] = mapped_column(Instant)
    touched_at: Mapped[datetime] = mapped_column(Instant)
    reason: Mapped[str | None] = mapped_column(Text)
    last_answer: Mapped[str | None] = mapped_column(String(80))
    correlation_id: Mapped[str] = mapped_column(String(80))
