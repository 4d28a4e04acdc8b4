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

    id: Mapped[int] = mapped_column(Key, primary_key=True, doc="Its number.")
    timestamp: Mapped[datetime] = mapped_column(Instant, doc="The moment.")
    equity: Mapped[Decimal] = mapped_column(Money, doc="Cash and positions.")
    cash: Mapped[Decimal] = mapped_column(Money, doc="Free and reserved.")
    exposure: Mapped[Decimal] = mapped_column(Money, doc="Positions at the last prices.")
    drawdown: Mapped[Decimal] = mapped_column(Money, doc="Fall from the day's high, as a share of it.")
