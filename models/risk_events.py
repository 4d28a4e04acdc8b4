"""Risk events: every rule's answer, passed or refused, with the numbers it saw."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Json, Key


class RiskEventRow(Base):
    """One check of one signal."""

    __tablename__ = "risk_events"
    __table_args__ = (Index(None, "timestamp"), Index(None, "risk_check", "result"), Index(None, "signal_key"))

    id: Mapped[int] = mapped_column(Key, primary_key=True, doc="Its number.")
    trade_id: Mapped[int | None] = mapped_column(Key, doc="What it was approved for, if it was.")
    signal_key: Mapped[str] = mapped_column(String(32), doc="What was checked.")
    risk_check: Mapped[str] = mapped_column(String(80), doc="Name of the rule.")
    result: Mapped[str] = mapped_column(String(10), doc="passed or refused.")
    reason: Mapped[str | None] = mapped_column(Text, doc="In words.")
    numbers: Mapped[dict[str, Any]] = mapped_column(Json, doc="What was compared.")
    timestamp: Mapped[datetime] = mapped_column(Instant, doc="When.")
