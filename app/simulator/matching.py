"""An order against the market: pure functions of the book that a last price implies, in exact numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from app.domain.market import floor_to
from app.domain.orders import Side

ZERO = Decimal(0)


class Kind(StrEnum):
    """MEXC's order types."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    MAKER = "LIMIT_MAKER"
    IOC = "IMMEDIATE_OR_CANCEL"
    FOK = "FILL_OR_KILL"


@dataclass(frozen=True, slots=True)
class Level:
    """What is bid or asked at one price: a quantity in base currency."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """Bids from the highest down, asks from the lowest up."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    def against(self, side: Side) -> tuple[Level, ...]:
        """What an order of this side trades with, best first."""
        return self.asks if side is Side.BUY else self.bids


@dataclass(frozen=True, slots=True)
class Depth:
    """How a book is made up around the last price: its spread in ticks, its levels, and their worth in quote currency.

    Each level further out is a tick away and holds `deeper` times as much.
    """

    spread_ticks: int = 1
    levels: int = 20
    notional: Decimal = Decimal(20_000)
    deeper: Decimal = Decimal("1.15")

    def book(self, last: Decimal, tick: Decimal, step: Decimal) -> Book:
        """The book when the last print was at `last`: the bid at or just below it, the ask a spread above."""
        bid = max(tick, last - tick * (self.spread_ticks // 2))
        ask = bid + tick * max(1, self.spread_ticks)
        return Book(tuple(self._levels(bid, -tick, step)), tuple(self._levels(ask, tick, step)))

    def _levels(self, price: Decimal, away: Decimal, step: Decimal) -> Iterator[Level]:
        worth = self.notional
        for _ in range(self.levels):
            if price <= 0:
                return
            yield Level(price, max(step, floor_to(worth / price, step)))
            price, worth = price + away, worth * self.deeper


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an order wants: a quantity of base currency, or as much as `budget` quote currency buys or sells for."""

    kind: Kind
    side: Side
    quantity: Decimal | None = None
    limit: Decimal | None = None
    budget: Decimal | None = None

    def __post_init__(self) -> None:
        if (self.quantity is None) == (self.budget is None):
            raise ValueError("an order wants either a quantity or a budget")
        if (self.limit is None) != (self.kind is Kind.MARKET):
            raise ValueError(f"a limit price belongs to every order but a market order, not to {self.kind}")


@dataclass(frozen=True, slots=True)
class Meeting:
    """What came of an order at once: what it took, level by level, and whether its rest stays in the book."""

    taken: tuple[Level, ...]
    rests: bool

    @property
    def quantity(self) -> Decimal:
        """Base currency that changed hands."""
        return sum((level.quantity for level in self.taken), ZERO)

    @property
    def worth(self) -> Decimal:
        """Quote currency that changed hands."""
        return sum((level.price * level.quantity for level in self.taken), ZERO)


def meet(wanted: Wanted, book: Book, step: Decimal) -> Meeting:
    """What an order takes from the book as it arrives; `step` is the least difference of two amounts."""
    taken = tuple(_take(wanted, book.against(wanted.side), step))
    if wanted.kind is Kind.MAKER:
        return Meeting((), rests=not taken)
    meeting = Meeting(taken, rests=wanted.kind is Kind.LIMIT and sum_of(taken) < (wanted.quantity or ZERO))
    if wanted.kind is Kind.FOK and meeting.quantity < (wanted.quantity or ZERO):
        return Meeting((), rests=False)
    return meeting


def sum_of(levels: tuple[Level, ...]) -> Decimal:
    """The quantity of several levels, in base currency."""
    return sum((level.quantity for level in levels), ZERO)


def _take(wanted: Wanted, levels: tuple[Level, ...], step: Decimal) -> Iterator[Level]:
    left, budget = wanted.quantity, wanted.budget
    for level in levels:
        if wanted.limit is not None and not crosses(wanted.side, wanted.limit, level.price):
            return
        most = left if left is not None else floor_to((budget or ZERO) / level.price, step)
        quantity = min(level.quantity, most)
        if quantity <= 0:
            return
        yield Level(level.price, quantity)
        left = None if left is None else left - quantity
        budget = None if budget is None else budget - quantity * level.price


def crosses(side: Side, limit: Decimal, price: Decimal) -> bool:
    """Whether an order with this limit trades at this price."""
    return price <= limit if side is Side.BUY else price >= limit


def passed(side: Side, limit: Decimal, left: Decimal, price: Decimal, quantity: Decimal) -> Decimal:
    """How much of a resting order fills when the market prints: all of it when that went through."""
    if price == limit:
        return min(left, quantity)
    return left if crosses(side, limit, price) else ZERO
