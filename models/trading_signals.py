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

    id: Mapped[int] = mapped_column(Key, primary_key=True, doc="Its number.")
    key: Mapped[str] = mapped_column(String(32), unique=True, doc="Derived from strategy, symbol, interval and bar.")
    symbol: Mapped[str] = mapped_column(String(40), doc="Such as BTC/USDT.")
    signal_type: Mapped[str] = mapped_column(String(4), doc="buy or sell.")
    strength: Mapped[float] = mapped_column(doc="Above 0, up to 1.")
    timestamp: Mapped[datetime] = mapped_column(Instant, doc="End of its bar.")
    engine_version: Mapped[str] = mapped_column(String(20), doc="The strategy's version.")
    strategy: Mapped[str] = mapped_column(String(80), doc="Its name.")
    interval: Mapped[str] = mapped_column(String(8), doc="Of its bars.")
    leg: Mapped[str] = mapped_column(String(20), doc="entry, or which kind of exit.")
    reason: Mapped[str] = mapped_column(Text, doc="Why, in words.")
    price: Mapped[float] = mapped_column(doc="Close of its bar.")
    bar_fingerprint: Mapped[str] = mapped_column(String(32), doc="Of its bar, which the archive can be compared with.")
    indicators: Mapped[dict[str, Any]] = mapped_column(Json, doc="As they were.")
    indicators_before: Mapped[dict[str, Any]] = mapped_column(Json, server_default="{}", doc="One bar before.")
    window_bars: Mapped[int] = mapped_column(server_default="0", doc="How many bars were looked at.")
    window_since: Mapped[datetime | None] = mapped_column(Instant, doc="End of the first of them.")
    window_whole: Mapped[bool] = mapped_column(doc="Whether all of them were heard whole.")
    trade_id: Mapped[int | None] = mapped_column(Key, doc="What it wants left, if it is an exit.")
    correlation_id: Mapped[str] = mapped_column(String(80), doc="The same in all that followed from one tick.")
    tick_received_us: Mapped[int] = mapped_column(
        BigInteger, doc="When the tick that closed its bar came in, in microseconds."
    )
    found_at: Mapped[datetime] = mapped_column(Instant, doc="When it was found.")
    status: Mapped[str] = mapped_column(String(10), doc="found until it is decided; then what was decided.")
    decided_at: Mapped[datetime | None] = mapped_column(Instant, doc="When.")
    decision_reason: Mapped[str | None] = mapped_column(Text, doc="Why.")
