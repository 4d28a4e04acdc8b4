"""Instruments: the venue's rules per symbol, as last read."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Instant, Json, Money


class InstrumentRow(Base):
    """A symbol's steps and minimums; `market` is the venue client's own record of it."""

    __tablename__ = "instruments"

    symbol: Mapped[str] = mapped_column(String(40), primary_key=True)
    base: Mapped[str] = mapped_column(String(20))
    quote: Mapped[str] = mapped_column(String(20))
    tradable: Mapped[bool]
    price_step: Mapped[Decimal] = mapped_column(Money)
    amount_step: Mapped[Decimal] = mapped_column(Money)
    min_amount: Mapped[Decimal] = mapped_column(Money)
    min_notional: Mapped[Decimal] = mapped_column(Money)
    max_notional: Mapped[Decimal | None] = mapped_column(Money)
    taker_fee: Mapped[Decimal] = mapped_column(Money)
    market_orders: Mapped[bool]
    market: Mapped[dict[str, Any]] = mapped_column(Json)
    updated_at: Mapped[datetime] = mapped_column(Instant)
