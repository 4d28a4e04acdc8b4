"""The account: one row, whose lock makes a limit a transaction."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Json, Money

THE_ACCOUNT = 1


class AccountRow(Base):
    """Cash, the day's marks and the trading state; all money in quote currency."""

    __tablename__ = "account"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    trading_state: Mapped[str] = mapped_column(String(10))
    state_reason: Mapped[str] = mapped_column(Text)
    state_by: Mapped[str] = mapped_column(String(80))
    state_at: Mapped[datetime] = mapped_column(Instant)
    day: Mapped[date]
    day_open: Mapped[Decimal] = mapped_column(Money)
    day_high: Mapped[Decimal] = mapped_column(Money)
    cash: Mapped[Decimal] = mapped_column(Money)
    equity: Mapped[Decimal] = mapped_column(Money)
    updated_at: Mapped[datetime] = mapped_column(Instant)
    reconciled_at: Mapped[datetime | None] = mapped_column(Instant)
    differences: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)
    balances: Mapped[dict[str, Any] | None] = mapped_column(Json)
