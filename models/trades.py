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

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    symbol: Mapped[str] = mapped_column(String(40))
    direction: Mapped[str] = mapped_column(String(5))
    size: Mapped[Decimal] = mapped_column(Money)
    entry_price: Mapped[Decimal | None] = mapped_column(Money)
    exit_price: Mapped[Decimal | None] = mapped_column(Money)
    status: Mapped[str] = mapped_column(String(10))
    timestamp: Mapped[datetime] = mapped_column(Instant)
    strategy: Mapped[str] = mapped_column(String(80))
    signal_key: Mapped[str] = mapped_column(String(32))
    left: Mapped[Decimal] = mapped_column(Money)
    bought: Mapped[Decimal] = mapped_column(Money)
    sold: Mapped[Decimal] = mapped_column(Money)
    bought_amount: Mapped[Decimal] = mapped_column(Money)
    sold_amount: Mapped[Decimal] = mapped_column(Money)
    fees: Mapped[Decimal] = mapped_column(Money)
    realised: Mapped[Decimal] = mapped_column(Money)
    stop_price: Mapped[Decimal | None] = mapped_column(Money)
    take_price: Mapped[Decimal | None] = mapped_column(Money)
    trail: Mapped[Decimal | None] = mapped_column(Money)
    peak: Mapped[Decimal | None] = mapped_column(Money)
    leaving_key: Mapped[str | None] = mapped_column(String(32))
    mark: Mapped[Decimal | None] = mapped_column(Money)
    marked_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    correlation_id: Mapped[str] = mapped_column(String(80))
    unprotected_since: Mapped[datetime | None] = mapped_column(Instant)
    unprotected_s: Mapped[float] = mapped_column(default=0.0, server_default="0")
    unprotected_told: Mapped[bool] = mapped_column(default=False, server_default="0")
