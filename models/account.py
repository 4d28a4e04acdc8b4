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

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, doc="Always 1.")
    trading_state: Mapped[str] = mapped_column(String(10), doc="ACTIVE, REDUCING or HALTED.")
    state_reason: Mapped[str] = mapped_column(Text, doc="Why it is as it is.")
    state_by: Mapped[str] = mapped_column(String(80), doc="Who set it.")
    state_at: Mapped[datetime] = mapped_column(Instant, doc="Since when.")
    day: Mapped[date] = mapped_column(doc="The day in UTC that the marks are of.")
    day_open: Mapped[Decimal] = mapped_column(Money, doc="Equity at its opening.")
    day_high: Mapped[Decimal] = mapped_column(Money, doc="Highest equity since.")
    cash: Mapped[Decimal] = mapped_column(Money, doc="Free and reserved.")
    equity: Mapped[Decimal] = mapped_column(Money, doc="Cash and positions at the last prices.")
    updated_at: Mapped[datetime] = mapped_column(Instant, doc="When it was reckoned last.")
    reconciled_at: Mapped[datetime | None] = mapped_column(Instant, doc="When our books last agreed with the venue's.")
    differences: Mapped[list[dict[str, Any]] | None] = mapped_column(Json, doc="In what they do not agree.")
    balances: Mapped[dict[str, Any] | None] = mapped_column(Json, doc="What the venue said there was, by currency.")
