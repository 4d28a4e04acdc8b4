"""The levels that protect a trade: reckoned at its entry, checked on every tick."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from math import inf, nextafter

from app.domain.orders import Leg
from app.domain.portfolio import Trade
from app.domain.trading import Signal

FIRST_REST, LONGEST_REST = timedelta(seconds=0.5), timedelta(seconds=60)
DOUBLINGS = 7  # from the one to the other


def rest_after(attempts: int) -> timedelta:
    """How long a trade is left alone after so many exits that did not sell all: twice as long each time."""
    if attempts == 0:
        return timedelta()
    return min(LONGEST_REST, FIRST_REST * (1 << min(attempts - 1, DOUBLINGS)))


@dataclass(frozen=True, slots=True)
class Protection:
    """How far away a trade's stops and targets are, as shares of the price; None is none."""

    stop_loss: Decimal | None = Decimal("0.02")
    take_profit: Decimal | None = Decimal("0.04")
    trailing_stop: Decimal | None = None

    def __post_init__(self) -> None:
        for name, share in (("stop_loss", self.stop_loss), ("trailing_stop", self.trailing_stop)):
            if share is not None and not 0 < share < 1:
                raise ValueError(f"{name} {share} is not a share between 0 and 1")
        if self.take_profit is not None and self.take_profit <= 0:
            raise ValueError(f"take_profit {self.take_profit} must be above 0")

    def protect(self, trade: Trade) -> Trade:
        """The trade with its levels, reckoned from its entry price."""
        entry = trade.entry_price
        if entry is None:
            return trade
        return replace(
            trade,
            stop_price=None if self.stop_loss is None else entry * (1 - self.stop_loss),
            take_price=None if self.take_profit is None else entry * (1 + self.take_profit),
            trail=self.trailing_stop,
        )


@dataclass(frozen=True, slots=True)
class Level:
    """A trade's protective levels as the drain checks them on every tick: floats, quote currency.

    `attempt` counts its exits so far; after one that failed it is left alone until `rests_until_us`, microseconds.
    `wish` is what first wanted it left, and was not done: then it is to be left at any price.
    """

    trade_id: int
    symbol: str
    stop: float | None
    take: float | None
    trail: float | None
    peak: float
    attempt: int = 0
    rests_until_us: int = 0
    wish: Signal | None = None

    def rests(self, at_us: int) -> bool:
        """Whether it is left alone at that time."""
        return at_us < self.rests_until_us

    def hit(self, price: float) -> Leg | None:
        """Which exit this price asks for, if any; the stop first."""
        if self.stop is not None and price <= self.stop:
            return Leg.STOP_LOSS
        if price <= self.trailing:
            return Leg.TRAILING_STOP
        if self.take is not None and price >= self.take:
            return Leg.TAKE_PROFIT
        return None

    def risen(self, price: float) -> "Level":
        """The same level after a price, which may be a new peak."""
        return replace(self, peak=price) if price > self.peak else self

    @property
    def trailing(self) -> float:
        """The price of its trailing stop; without one there is none so low."""
        return -inf if self.trail is None else self.peak * (1 - self.trail)

    @property
    def floor(self) -> float:
        """At or below this price something is to be done about it."""
        if self.wish is not None:
            return inf
        return self.trailing if self.stop is None else max(self.stop, self.trailing)

    @property
    def ceiling(self) -> float:
        """Above this price something is to be done about it: its target is reached, or it has a new peak."""
        return self.peak if self.take is None else min(nextafter(self.take, -inf), self.peak)


def calm(levels: Sequence[Level]) -> tuple[float, float]:
    """The prices above the first of which and up to the second a tick does nothing to any of these levels."""
    return max((one.floor for one in levels), default=-inf), min((one.ceiling for one in levels), default=inf)
