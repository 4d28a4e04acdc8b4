"""What the venue's books and ours say of each other: what is missing here, what is strange there, what has drifted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from app.domain.orders import AT_VENUE, LIVE, Fill, OrderState
from app.domain.risk import ZERO

SURE = 2  # a drift may be a fill that the venue does not show yet: it must be seen in two runs


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order as the venue lists it; `client_order_id` is empty if it was given none."""

    symbol: str
    exchange_order_id: str
    client_order_id: str
    state: OrderState
    filled: Decimal


@dataclass(frozen=True, slots=True)
class VenueFill:
    """A fill as the venue lists it, and the name of its order where the venue tells it."""

    client_order_id: str
    fill: Fill


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """What our books say of an order; `is_sent` once somebody has claimed it."""

    client_order_id: str
    exchange_order_id: str | None
    symbol: str
    state: OrderState
    filled: Decimal
    is_sent: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that only a person can judge. `kind` is order, fills or balance; `seen` counts the runs."""

    kind: str
    subject: str
    told: str
    seen: int = 1

    @property
    def is_sure(self) -> bool:
        """Whether it is worth telling."""
        return self.kind != "balance" or self.seen >= SURE


@dataclass(frozen=True)
class Snapshot:
    """Our books in one moment: orders since a time and all live ones, ids of executions since then.

    `coins` are what trades still hold by base currency, `first_order_at` is when our first order was made.
    """

    cash: Decimal
    coins: Mapping[str, Decimal]
    orders: Sequence[KnownOrder]
    executions: frozenset[tuple[str, str]]
    held: frozenset[str]
    first_order_at: datetime | None
    reconciled_at: datetime | None
    differences: tuple[Difference, ...] = ()

    @property
    def symbols(self) -> list[str]:
        """Symbols that are held or were ordered."""
        return sorted(self.held | {order.symbol for order in self.orders})

    @property
    def strange_symbols(self) -> set[str]:
        """Symbols in which a strange order works, as far as was seen."""
        return {one.subject.partition(" ")[0] for one in self.differences if one.kind == "order"}

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is on its way."""
        return not any(order.state in LIVE for order in self.orders)

    def named(self, symbol: str, exchange_order_id: str, client_order_id: str) -> KnownOrder | None:
        """Our order under either of its names."""
        return self._by_name.get((symbol, client_order_id)) or self._by_number.get((symbol, exchange_order_id))

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], KnownOrder]:
        return {(order.symbol, order.client_order_id): order for order in self.orders}

    @cached_property
    def _by_number(self) -> dict[tuple[str, str], KnownOrder]:
        return {(order.symbol, order.exchange_order_id): order for order in self.orders if order.exchange_order_id}


def behind(
    books: Snapshot, working: Sequence[VenueOrder], past: Sequence[VenueOrder], fills: Sequence[VenueFill]
) -> list[str]:
    """Client ids of our orders of which the venue knows more than our books."""
    late = set(unbooked(books, fills))
    for shown in (*working, *past):
        order = books.named(shown.symbol, shown.exchange_order_id, shown.client_order_id)
        if order is not None and order.is_sent and (shown.filled > order.filled or _ended(order, shown)):
            late.add(order.client_order_id)
    works = {(shown.symbol, shown.client_order_id) for shown in working}
    for order in books.orders:
        stands = order.state in AT_VENUE or order.state is OrderState.UNKNOWN
        if stands and (order.symbol, order.client_order_id) not in works:
            late.add(order.client_order_id)
    return sorted(late)


def unbooked(books: Snapshot, fills: Iterable[VenueFill]) -> list[str]:
    """Client ids of our orders with fills that no execution tells of."""
    found = set()
    for one in fills:
        order = books.named(one.fill.symbol, one.fill.exchange_order_id, one.client_order_id)
        if order is not None and (one.fill.symbol, one.fill.venue_trade_id) not in books.executions:
            found.add(order.client_order_id)
    return sorted(found)


def strange(books: Snapshot, working: Sequence[VenueOrder], fills: Sequence[VenueFill]) -> list[Difference]:
    """Orders at the venue that are not ours, or that our books hold for ended; and fills of orders not ours."""
    found = []
    for shown in working:
        order = books.named(shown.symbol, shown.exchange_order_id, shown.client_order_id)
        name = f"{shown.symbol} {shown.client_order_id or shown.exchange_order_id}"
        if order is None:
            found.append(Difference("order", name, "works at the venue and is not of this farm"))
        elif order.state not in LIVE:
            found.append(Difference("order", name, f"works at the venue and is {order.state} here"))
    foreign: dict[str, list[Fill]] = {}
    for one in fills:
        if books.named(one.fill.symbol, one.fill.exchange_order_id, one.client_order_id) is None:
            foreign.setdefault(f"{one.fill.symbol} {one.fill.exchange_order_id}", []).append(one.fill)
    for name, group in foreign.items():
        amount = sum((fill.amount for fill in group), ZERO)
        found.append(Difference("fills", name, f"{group[0].side} {amount:f} was filled for an order not of this farm"))
    return found


def drift(
    books: Snapshot,
    balances: Mapping[str, Decimal],
    currency: str,
    prices: Mapping[str, Decimal],
    tolerance: Decimal,
) -> list[Difference]:
    """Balances that differ by more than `tolerance` (in `currency`); `prices` are by base currency."""
    ours = {currency: books.cash, **{symbol.partition("/")[0]: ZERO for symbol in books.symbols}, **books.coins}
    found = []
    for asset, amount in sorted(ours.items()):
        there = balances.get(asset, ZERO)
        price = Decimal(1) if asset == currency else prices.get(asset, ZERO)
        if there != amount and (price == ZERO or abs(there - amount) * price > tolerance):
            found.append(Difference("balance", asset, f"{there:f} at the venue, {amount:f} here"))
    return found


def merged(before: Iterable[Difference], now: Iterable[Difference], *, kept: Iterable[str] = ()) -> list[Difference]:
    """What differs now, with how often it was seen; of the kinds in `kept` what was seen before stays."""
    earlier = {(one.kind, one.subject): one for one in before}
    found = {
        (one.kind, one.subject): replace(one, seen=known.seen + 1)
        if (known := earlier.get((one.kind, one.subject)))
        else one
        for one in now
    }
    stays = {key: one for key, one in earlier.items() if one.kind in kept}
    return list((stays | found).values())


def _ended(order: KnownOrder, shown: VenueOrder) -> bool:
    return order.state in LIVE and shown.state not in LIVE
