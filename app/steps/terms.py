"""How an approved order meets the market: its type, its limit, and how long it lives."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from app.domain.market import Instrument
from app.domain.orders import OrderType, Side
from app.domain.trading import Signal

DOUBLINGS = 20  # beyond that every limit is at its most


@dataclass(frozen=True, slots=True)
class Terms:
    """`slippage` is how far the limit may be from the last price, as a share of it; `most` is how far that of an exit
    may be that is tried again and again.
    """

    order_type: OrderType
    slippage: Decimal
    time_to_live: timedelta
    most: Decimal

    def after(self, exits: int) -> "Terms":
        """Those of an exit after so many that did not sell all: the limit gives way, twice as far each time."""
        wider = self.slippage * 2 ** min(exits, DOUBLINGS)
        return replace(self, slippage=max(self.slippage, min(wider, self.most)))

    def type_for(self, instrument: Instrument) -> OrderType:
        """The order type, or an IOC limit where the venue takes no market orders."""
        if self.order_type is OrderType.MARKET and not instrument.market_orders:
            return OrderType.IOC
        return self.order_type

    def price_for(self, side: Side, last: Decimal, instrument: Instrument) -> Decimal:
        """The worst price to accept; for a market order the last one."""
        if self.type_for(instrument) is OrderType.MARKET:
            return last
        worse = 1 + self.slippage if side is Side.BUY else 1 - self.slippage
        return instrument.round_price(last * worse)

    def expires_at(self, signal: Signal, at: datetime) -> datetime:
        """An entry is as old as its bar; an exit is wanted however late it comes, so it counts from now."""
        return (at if signal.is_exit else signal.bar_end) + self.time_to_live
