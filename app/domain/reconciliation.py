"""What the venue's books and ours say of each other: what is missing here, what is strange there, what has drifted."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from app.domain.balances import Balances, Move, compared
from app.domain.looks import MONTH, OVERLAP, WEEK, Cursor, Look, Progress, Traded
from app.domain.orders import AT_VENUE, LIVE, Fill, OrderState
from app.domain.risk import ZERO

SURE = 2  # a drift may be a fill that the venue does not show yet: it must be seen in two runs
UNSURE = frozenset({"balance", "unbooked"})


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
class Stretch:
    """Fills as far back as the venue was asked at once: older ones than of `back_to` were not told; None: all were."""

    fills: Sequence[VenueFill]
    back_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """What our books say of an order; it is `claimed_at` once somebody has begun to send it."""

    client_order_id: str
    exchange_order_id: str | None
    symbol: str
    state: OrderState
    filled: Decimal
    claimed_at: datetime | None

    @property
    def is_sent(self) -> bool:
        """Whether the venue may know of it."""
        return self.claimed_at is not None


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that only a person can judge; `seen` counts the runs.

    `kind` is order (one works there that is not ours, or has ended here), fills (of an order that is not ours),
    balance, unbooked (fills of ours), symbol (the venue tells nothing of it), overdue (an order of ours that lives
    longer than the venue tells of orders) or gap (a time of which it tells no fills any more).
    """

    kind: str
    subject: str
    told: str
    seen: int = 1

    @property
    def is_sure(self) -> bool:
        """Whether it is worth telling."""
        return self.kind not in UNSURE or self.seen >= SURE

    @property
    def symbol(self) -> str:
        """What it is about; of a balance, its currency."""
        return self.subject.partition(" ")[0]


@dataclass(frozen=True)
class Ours:
    """What our books hold of the orders and fills that the venue has shown."""

    orders: Sequence[KnownOrder]
    executions: frozenset[tuple[str, str]]

    def named(self, symbol: str, exchange_order_id: str, client_order_id: str) -> KnownOrder | None:
        """Our order under either of its names."""
        return self._by_name.get((symbol, client_order_id)) or self._by_number.get((symbol, exchange_order_id))

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], KnownOrder]:
        return {(order.symbol, order.client_order_id): order for order in self.orders}

    @cached_property
    def _by_number(self) -> dict[tuple[str, str], KnownOrder]:
        return {(order.symbol, order.exchange_order_id): order for order in self.orders if order.exchange_order_id}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Our books in one moment.

    `coins` are what trades still hold by base currency, the dust of closed ones too; `live` are orders that may still
    do something. `balances` are what the venue said in an earlier run and nobody has compared yet, `moves` what was
    filled since, and a little before.
    """

    cash: Decimal
    coins: Mapping[str, Decimal]
    traded: Mapping[str, Traded]
    live: Sequence[KnownOrder]
    reconciled_at: datetime | None
    differences: tuple[Difference, ...] = ()
    cursors: Mapping[tuple[str, Look], Cursor] = field(default_factory=dict)
    balances: Balances | None = None
    moves: Sequence[Move] = ()

    @property
    def progress(self) -> Progress:
        """How far each symbol was compared."""
        return Progress(self.traded, self.cursors)

    @property
    def strange_symbols(self) -> set[str]:
        """Symbols in which a strange order works, as far as was seen."""
        return {one.symbol for one in self.differences if one.kind == "order"}

    def live_since(self, symbol: str) -> datetime | None:
        """When the oldest order of a symbol that may work at the venue was sent."""
        return min((one.claimed_at for one in self.live if one.symbol == symbol and one.claimed_at), default=None)


def behind(
    ours: Ours, live: Iterable[KnownOrder], working: Sequence[VenueOrder], past: Sequence[VenueOrder]
) -> list[str]:
    """Client ids of our orders of which the venue knows more than our books; `live` are those of the symbol."""
    late = set()
    for shown in (*working, *past):
        order = ours.named(shown.symbol, shown.exchange_order_id, shown.client_order_id)
        if order is not None and order.is_sent and (shown.filled > order.filled or _ended(order, shown)):
            late.add(order.client_order_id)
    works = {shown.client_order_id for shown in working}
    stand = [order for order in live if order.state in AT_VENUE or order.state is OrderState.UNKNOWN]
    return sorted(late | {order.client_order_id for order in stand} - works)


def unbooked(ours: Ours, fills: Iterable[VenueFill]) -> dict[str, list[Fill]]:
    """Fills of our orders that no execution tells of, by client id."""
    found: dict[str, list[Fill]] = {}
    for one in fills:
        order = ours.named(one.fill.symbol, one.fill.exchange_order_id, one.client_order_id)
        if order is not None and (one.fill.symbol, one.fill.venue_trade_id) not in ours.executions:
            found.setdefault(order.client_order_id, []).append(one.fill)
    return found


def strange_orders(ours: Ours, working: Iterable[VenueOrder]) -> list[Difference]:
    """Orders at the venue that are not ours, or that our books hold for ended."""
    found = []
    for shown in working:
        order = ours.named(shown.symbol, shown.exchange_order_id, shown.client_order_id)
        name = f"{shown.symbol} {shown.client_order_id or shown.exchange_order_id}"
        if order is None:
            found.append(Difference("order", name, "works at the venue and is not of this farm"))
        elif order.state not in LIVE:
            found.append(Difference("order", name, f"works at the venue and is {order.state} here"))
    return found


def strange_fills(ours: Ours, fills: Iterable[VenueFill]) -> list[Difference]:
    """Fills of orders that are not ours."""
    foreign: dict[str, list[Fill]] = {}
    for one in fills:
        if ours.named(one.fill.symbol, one.fill.exchange_order_id, one.client_order_id) is None:
            foreign.setdefault(f"{one.fill.symbol} {one.fill.exchange_order_id}", []).append(one.fill)
    return [Difference("fills", name, _told(group)) for name, group in foreign.items()]


def drift(
    books: Snapshot, balances: Balances, currency: str, prices: Mapping[str, Decimal], tolerance: Decimal
) -> tuple[list[Difference], frozenset[str]]:
    """Balances that differ by more than `tolerance` (in `currency`), and which are unclear; `prices` are by symbol."""
    bases = {symbol.partition("/")[0]: symbol for symbol in books.traded}
    ours = {currency: books.cash, **dict.fromkeys(bases, ZERO), **books.coins}
    by_currency = {symbol.partition("/")[0]: price for symbol, price in prices.items()} | {currency: Decimal(1)}
    verdict = compared(ours, books.moves, balances, by_currency, tolerance)
    told = [
        Difference("balance", asset, f"{there:f} at the venue, {here:f} here")
        for asset, there, here in verdict.differing
    ]
    return told, verdict.unclear


def overdue(books: Snapshot, at: datetime) -> Iterator[Difference]:
    """Orders that live longer than the venue tells of orders: nothing of them is assumed, a person has to look."""
    for order in books.live:
        if order.claimed_at is not None and order.claimed_at < at - WEEK:
            told = f"is {order.state} here since {_day(order.claimed_at)}, and the venue tells orders of 7 days; "
            cure = f"look it up on the venue's pages; if it never traded, cdb expire {order.client_order_id}"
            yield Difference("overdue", f"{order.symbol} {order.client_order_id}", told + cure)


def gaps(books: Snapshot, at: datetime) -> Iterator[Difference]:
    """Symbols with an order that may have filled after the last look and longer ago than the venue tells fills."""
    for symbol, one in books.traded.items():
        done_at = books.progress.cursor(symbol, Look.FILLS).done_at or one.first_at
        if done_at < at - MONTH and (one.is_live or one.touched_at >= done_at - OVERLAP):
            told = f"what was filled between {_day(done_at)} and {_day(at - MONTH)} the venue does not tell any more; "
            cure = "compare its export of trades with cdb explain, then cdb reconcile --accept-gap"
            yield Difference("gap", symbol, told + cure)


def merged(
    before: Iterable[Difference], now: Iterable[Difference], judged: Callable[[Difference], bool]
) -> list[Difference]:
    """What differs now, with how often it was seen; what was seen before stays unless this run has `judged` it."""
    earlier = {(one.kind, one.subject): one for one in before}
    found = {
        (one.kind, one.subject): replace(one, seen=known.seen + 1)
        if (known := earlier.get((one.kind, one.subject)))
        else one
        for one in now
    }
    stays = {key: one for key, one in earlier.items() if not judged(one)}
    return list((stays | found).values())


def _ended(order: KnownOrder, shown: VenueOrder) -> bool:
    return order.state in LIVE and shown.state not in LIVE


def _told(group: Sequence[Fill]) -> str:
    amount = sum((fill.amount for fill in group), ZERO)
    return f"{group[0].side} {amount:f} was filled for an order not of this farm"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
