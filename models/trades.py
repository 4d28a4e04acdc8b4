"""Trades: our round trips."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Key, Money

HELD = "\"left\" <> '0.000000000000000000'"  # how SQLite writes zero; PostgreSQL reads it as zero


class TradeRow(Base):
    """A trade from entry to exit; `timestamp` is when it was approved, `left` what is still held.

    `leaving_key` names the signal that first wanted it left.
    """

    __tablename__ = "trades"
    __table_args__ = (
        Index(None, "status"),
        Index(None, "symbol", "timestamp"),
        Index("ix_trades_held", "symbol", sqlite_where=text(HELD), postgresql_where=text(HELD)),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True, doc="Its number.")
    symbol: Mapped[str] = mapped_column(String(40), doc="Such as BTC/USDT.")
    direction: Mapped[str] = mapped_column(String(5), doc="long.")
    size: Mapped[Decimal] = mapped_column(Money, doc="What was bought, in base, after fees in it.")
    entry_price: Mapped[Decimal | None] = mapped_column(Money, doc="Average, in quote currency.")
    exit_price: Mapped[Decimal | None] = mapped_column(Money, doc="Average, in quote currency.")
    status: Mapped[str] = mapped_column(String(10), doc="pending, open, closed, or void if its entry never filled.")
    timestamp: Mapped[datetime] = mapped_column(Instant, doc="When it was approved.")
    strategy: Mapped[str] = mapped_column(String(80), doc="Whose signal it was.")
    signal_key: Mapped[str] = mapped_column(String(32), doc="That signal.")
    left: Mapped[Decimal] = mapped_column(Money, doc="What is still held, in base.")
    bought: Mapped[Decimal] = mapped_column(Money, doc="Notional of the entry, in quote.")
    sold: Mapped[Decimal] = mapped_column(Money, doc="Notional of the exits, in quote.")
    bought_amount: Mapped[Decimal] = mapped_column(Money, doc="In base, before fees.")
    sold_amount: Mapped[Decimal] = mapped_column(Money, doc="In base.")
    fees: Mapped[Decimal] = mapped_column(Money, doc="In quote currency.")
    realised: Mapped[Decimal] = mapped_column(Money, doc="Profit so far, in quote, after fees.")
    stop_price: Mapped[Decimal | None] = mapped_column(Money, doc="At or below it is sold.")
    take_price: Mapped[Decimal | None] = mapped_column(Money, doc="At or above it is sold.")
    trail: Mapped[Decimal | None] = mapped_column(
        Money, doc="How far below the peak the trailing stop is, as a share of it."
    )
    peak: Mapped[Decimal | None] = mapped_column(Money, doc="Highest price since the entry.")
    leaving_key: Mapped[str | None] = mapped_column(String(32), doc="The signal that first wanted it left.")
    mark: Mapped[Decimal | None] = mapped_column(Money, doc="Newest price that was written down with it.")
    marked_at: Mapped[datetime | None] = mapped_column(Instant, doc="When the market made that price.")
    closed_at: Mapped[datetime | None] = mapped_column(Instant, doc="When nothing was left.")
    correlation_id: Mapped[str] = mapped_column(String(80), doc="The same in all that followed from one tick.")
    unprotected_since: Mapped[datetime | None] = mapped_column(Instant, doc="Since when nobody watches its levels.")
    unprotected_s: Mapped[float] = mapped_column(
        default=0.0, server_default="0", doc="For how long nobody did, in all."
    )
    unprotected_told: Mapped[bool] = mapped_column(default=False, server_default="0", doc="Whether that was told.")
