"""Signals: what strategies wished and what levels were hit, with all they were based on."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Json, Key

NAMES_A_TRADE = "trade_id IS NOT NULL"


class SignalRow(Base):
    """A signal; `timestamp` is the end of its bar, `engine_version` the strategy's version."""

    __tablename__ = "trading_signals"
    __table_args__ = (
        Index(None, "symbol", "timestamp"),
        Index(
            "ix_trading_signals_undecided",
            "found_at",
            sqlite_where=text("status = 'found'"),
            postgresql_where=text("status = 'found'"),
        ),
        Index(None, "trade_id", sqlite_where=text(NAMES_A_TRADE), postgresql_where=text(NAMES_A_TRADE)),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    symbol: Mapped[str] = mapped_column(String(40))
    signal_type: Mapped[str] = mapped_column(String(4))
    strength: Mapped[float]
    timestamp: Mapped[datetime] = mapped_column(Instant)
    engine_version: Mapped[str] = mapped_column(String(20))
    strategy: Mapped[str] = mapped_column(String(80))
    interval: Mapped[str] = mapped_column(String(8))
    leg: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    price: Mapped[float]
    bar_fingerprint: Mapped[str] = mapped_column(String(32))
    indicators: Mapped[dict[str, Any]] = mapped_column(Json)
    indicators_before: Mapped[dict[str, Any]] = mapped_column(Json, server_default="{}")
    window_bars: Mapped[int] = mapped_column(server_default="0")
    window_since: Mapped[datetime | None] = mapped_column(Instant)
    window_whole: Mapped[bool]
    trade_id: Mapped[int | None] = mapped_column(Key)
    correlation_id: Mapped[str] = mapped_column(String(80))
    tick_received_us: Mapped[int] = mapped_column(BigInteger)
    found_at: Mapped[datetime] = mapped_column(Instant)
    status: Mapped[str] = mapped_column(String(10))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decision_reason: Mapped[str | None] = mapped_column(Text)
