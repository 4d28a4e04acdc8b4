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

    id: Mapped[int] = mapped_column(Key, primary_key=True, doc="Its number.")
    client_order_id: Mapped[str] = mapped_column(
        String(32), unique=True, doc="Derived from the intent, so that it is the same however often it is tried."
    )
    trade_id: Mapped[int] = mapped_column(Key, ForeignKey("trades.id"), doc="What it enters or leaves.")
    signal_key: Mapped[str] = mapped_column(String(32), unique=True, doc="The intent that it is for.")
    symbol: Mapped[str] = mapped_column(String(40), doc="Such as BTC/USDT.")
    side: Mapped[str] = mapped_column(String(4), doc="buy or sell.")
    leg: Mapped[str] = mapped_column(String(20), doc="entry, or which kind of exit.")
    type: Mapped[str] = mapped_column(String(10), doc="ioc, market or limit.")
    amount: Mapped[Decimal] = mapped_column(Money, doc="In base currency.")
    price: Mapped[Decimal] = mapped_column(Money, doc="Its limit, in quote currency.")
    reserved: Mapped[Decimal] = mapped_column(Money, doc="Quote currency that is set aside for it.")
    state: Mapped[str] = mapped_column(
        String(20), doc="approved, submitting, unknown, open, partially_filled, filled, cancelled, rejected or expired."
    )
    exchange_order_id: Mapped[str | None] = mapped_column(
        String(64), index=True, doc="The venue's name, once it is known."
    )
    filled: Mapped[Decimal] = mapped_column(Money, doc="In base currency.")
    attempts: Mapped[int] = mapped_column(doc="How often it was sent.")
    created_at: Mapped[datetime] = mapped_column(Instant, doc="When it was approved.")
    expires_at: Mapped[datetime] = mapped_column(Instant, doc="Until when it may be sent.")
    claimed_at: Mapped[datetime | None] = mapped_column(Instant, doc="When it was taken up to be sent.")
    lease_until: Mapped[datetime | None] = mapped_column(Instant, doc="Until when nobody else may send it.")
    acceptable_until: Mapped[datetime | None] = mapped_column(
        Instant, doc="Until when the venue takes what was signed."
    )
    submitted_at: Mapped[datetime | None] = mapped_column(Instant, doc="When the venue answered.")
    touched_at: Mapped[datetime] = mapped_column(Instant, doc="When it changed last.")
    reason: Mapped[str | None] = mapped_column(Text, doc="Why it ended as it did.")
    last_answer: Mapped[str | None] = mapped_column(String(80), doc="The venue's, while it was unclear.")
    correlation_id: Mapped[str] = mapped_column(String(80), doc="The same in all that followed from one tick.")
