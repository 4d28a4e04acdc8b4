"""Whether the venue has as much of everything as our books say, however many orders fill meanwhile."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.domain.orders import Side
from app.domain.risk import ZERO

BOOKED = timedelta(seconds=20)  # what filled longer ago than this is booked by now
WORTH = timedelta(minutes=10)  # balances that were asked for longer ago are not compared any more
BLURRED = timedelta(milliseconds=100)  # how well the clocks within the venue agree


@dataclass(frozen=True, slots=True)
class Balances:
    """What the venue said there was, free or locked, by currency: some time between two instants of its clock."""

    since: datetime
    until: datetime
    amounts: Mapping[str, Decimal]

    def is_ripe(self, at: datetime) -> bool:
        """Whether all that had filled by then is in the books, unless something went wrong."""
        return self.until + BOOKED <= at < self.until + WORTH


@dataclass(frozen=True, slots=True)
class Move:
    """What a fill did to what there is, by currency, at the venue's time."""

    at: datetime
    amounts: Mapping[str, Decimal]


def move(
    symbol: str,
    side: Side,
    price: Decimal,
    amount: Decimal,
    commission: Decimal,
    commission_asset: str,
    at: datetime,
) -> Move:
    """What one fill moved."""
    base, _, quote = symbol.partition("/")
    way = 1 if side is Side.BUY else -1
    amounts = {base: way * amount, quote: -way * price * amount}
    amounts[commission_asset] = amounts.get(commission_asset, ZERO) - commission
    return Move(at, amounts)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Currency, theirs and ours of what differs; and the currencies of which one cannot say, for they just moved."""

    differing: Sequence[tuple[str, Decimal, Decimal]]
    unclear: frozenset[str]


def compared(
    ours: Mapping[str, Decimal],
    moves: Sequence[Move],
    balances: Balances,
    prices: Mapping[str, Decimal],
    tolerance: Decimal,
) -> Verdict:
    """What differs by more than `tolerance`, at `prices` in quote currency.

    `ours` is what there is now and `moves` what was filled since the balances were asked for: it is taken back. What
    filled just when they were asked for may be in them or not: if either is right, it is unclear, for what is lost is
    often as much as an order.
    """
    differing, unclear = [], set()
    for asset, amount in sorted(ours.items()):
        theirs = balances.amounts.get(asset, ZERO)
        possible = set(_possible(asset, amount, moves, balances))
        nearest = min(possible, key=lambda one: abs(theirs - one))
        price = prices.get(asset, ZERO)
        if theirs != nearest and (price == ZERO or abs(theirs - nearest) * price > tolerance):
            differing.append((asset, theirs, nearest))
        elif len(possible) > 1:
            unclear.add(asset)
    return Verdict(differing, frozenset(unclear))


def _possible(asset: str, amount: Decimal, moves: Iterable[Move], balances: Balances) -> Iterator[Decimal]:
    """What we may have had of it then: what came later is taken back, the latest first."""
    for one in sorted(moves, key=lambda one: one.at, reverse=True):
        if one.at < balances.since - BLURRED:
            break
        if one.at <= balances.until + BLURRED:
            yield amount
        amount -= one.amounts.get(asset, ZERO)
    yield amount
