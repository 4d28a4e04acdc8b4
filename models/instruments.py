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

    symbol: Mapped[str] = mapped_column(String(40), primary_key=True, doc="Such as BTC/USDT.")
    base: Mapped[str] = mapped_column(String(20), doc="What is bought.")
    quote: Mapped[str] = mapped_column(String(20), doc="What is paid.")
    tradable: Mapped[bool] = mapped_column(doc="Whether orders are taken.")
    price_step: Mapped[Decimal] = mapped_column(Money, doc="Prices are multiples of it.")
    amount_step: Mapped[Decimal] = mapped_column(Money, doc="Amounts are multiples of it.")
    min_amount: Mapped[Decimal] = mapped_column(Money, doc="Least of an order, in base.")
    min_notional: Mapped[Decimal] = mapped_column(Money, doc="Least of an order, in quote.")
    max_notional: Mapped[Decimal | None] = mapped_column(Money, doc="Most of an order, in quote.")
    taker_fee: Mapped[Decimal] = mapped_column(Money, doc="A share.")
    market_orders: Mapped[bool] = mapped_column(doc="Whether they are taken.")
    market: Mapped[dict[str, Any]] = mapped_column(Json, doc="ccxt's record of it.")
    updated_at: Mapped[datetime] = mapped_column(Instant, doc="When the venue was asked.")
