"""The equity curve."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Key, Money


class EquityRow(Base):
    """The account at one moment, in quote currency; `drawdown` is a share of the day's high."""

    __tablename__ = "equity"
    __table_args__ = (Index(None, "timestamp"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    timestamp: Mapped[datetime] = mapped_column(Instant)
    equity: Mapped[Decimal] = mapped_column(Money)
    cash: Mapped[Decimal] = mapped_column(Money)
    exposure: Mapped[Decimal] = mapped_column(Money)
    drawdown: Mapped[Decimal] = mapped_column(Money)
