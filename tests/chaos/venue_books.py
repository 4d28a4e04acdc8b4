"""The rest of what the venue tells: its books of the account, with a stranger's doings in them, and its market."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domain.balances import Balances
from app.domain.errors import Unavailable
from app.domain.market import Bar, Instrument, Tick, microseconds
from app.domain.orders import TERMINAL, Fill, OrderState, Report, Side
from app.domain.reconciliation import Stretch, VenueFill, VenueOrder
from tests.chaos.venue import ZERO, Accepted, Venue

SOLD = Decimal("0.5")


@dataclass
class VenueBooks:
    """What a reconciliation reads; each answer may be as old as the plan wants."""

    venue: Venue
    strangers: list[VenueOrder] = field(default_factory=list)
    strange_fills: list[VenueFill] = field(default_factory=list)
    foreign: dict[str, Decimal] = field(default_factory=dict)  # what strangers did to the balances
    together: int = 5

    def meddle(self, symbol: str) -> None:
        """A person rests an order on the account by hand, and sells half a coin of what is the farm's."""
        base, _, quote = symbol.partition("/")
        at = self.venue.timeline.at
        self.strangers.append(VenueOrder(symbol, "by-hand-1", "", OrderState.OPEN, ZERO))
        fill = Fill("by-hand-fill", "by-hand-2", symbol, Side.SELL, Decimal(100), SOLD, ZERO, quote, at)
        self.strange_fills.append(VenueFill("", fill))
        self.foreign = {base: -SOLD, quote: SOLD * 100}

    def to_be_told(self, ordered: Container[str]) -> set[tuple[str, str]]:
        """Kinds and subjects of all that only a person can judge; fills and coins are compared where we ordered."""
        orders = {("order", f"{one.symbol} {one.exchange_order_id}") for one in self.strangers}
        every = [one.fill for one in self.strange_fills if one.fill.symbol in ordered]
        fills = {("fills", f"{fill.symbol} {fill.exchange_order_id}") for fill in every}
        moved = {("balance", one) for one in self.foreign if one == "USDT" or f"{one}/USDT" in ordered}
        return orders | fills | moved

    def open_orders(self, symbols: Sequence[str], *, pressing: bool = False) -> list[VenueOrder]:
        self._asked("open_orders")
        every = [*(_listed(mine, report) for mine, report in self._shown()), *self.strangers]
        self.venue.point("account.open_orders after")
        return [order for order in every if order.symbol in symbols and order.state not in TERMINAL]

    def orders(self, symbol: str, since: datetime, *, pressing: bool = False) -> list[VenueOrder]:
        self._asked("orders")
        return [_listed(mine, report) for mine, report in self._shown() if mine.order.symbol == symbol]

    def fills(self, symbol: str, since: datetime, until: datetime | None = None, *, pressing: bool = False) -> Stretch:
        self._asked("fills")
        ours = [VenueFill(mine.order.client_order_id, fill) for mine, report in self._shown() for fill in report.fills]
        every = [*ours, *self.strange_fills]
        self.venue.point("account.fills after")
        return Stretch([one for one in every if one.fill.symbol == symbol and one.fill.at >= since])

    def balances(self) -> Balances:
        since = self.venue.timeline.at
        self._asked("balances")
        currencies = {*self.venue.balances, *self.foreign}
        amounts = {one: self.venue.balances.get(one, ZERO) + self.foreign.get(one, ZERO) for one in currencies}
        return Balances(since, self.venue.timeline.at, amounts)

    def free(self, currency: str) -> Decimal:
        self._asked("free")
        free = self.venue.free_coins(currency)
        self.venue.point("account.free after")
        return free

    def lock(self, symbol: str) -> None:
        """An order that a person rests by hand locks half of the coins, until it is withdrawn."""
        base = symbol.partition("/")[0]
        self.venue.locked[base] = self.venue.balances.get(base, ZERO) / 2

    def unlock(self, symbol: str) -> None:
        """It is withdrawn."""
        self.venue.locked.pop(symbol.partition("/")[0], None)

    def _asked(self, question: str) -> None:
        self.venue.point(f"account.{question} before")
        self.venue.ask()

    def _shown(self) -> Iterator[tuple[Accepted, Report]]:
        seen_at = self.venue.timeline.at - timedelta(seconds=self.venue.plan.lag_s())
        for mine in self.venue.journal:
            said = [one for at, one in mine.told if at <= seen_at]
            if said:
                yield mine, said[-1]


def _listed(mine: Accepted, report: Report) -> VenueOrder:
    order = mine.order
    return VenueOrder(order.symbol, mine.exchange_order_id, order.client_order_id, report.state, report.filled)


@dataclass
class Market:
    """The public side; when it has a bad moment, it lists nothing and knows no past."""

    venue: Venue
    listed: list[Instrument]
    klines: list[Bar] = field(default_factory=list)
    skew_us: int = 0
    unheard: set[tuple[str, datetime]] = field(default_factory=set)  # those that a flush has taken with it

    def hears(self, bar: Bar) -> bool:
        """A bar has ended; False if there was one already."""
        if any((one.symbol, one.end) == (bar.symbol, bar.end) for one in self.klines):
            return False
        self.klines.append(bar)
        return True

    def instruments(self) -> tuple[list[Instrument], dict[str, dict[str, Any]]]:
        listed = self.listed if self._answers() else []
        return list(listed), {one.symbol: {} for one in listed}

    def volumes(self) -> dict[str, Decimal]:
        return {}

    def bars(self, symbol: str, interval: str, since: datetime, until: datetime) -> list[Bar]:
        if not self._answers():
            raise Unavailable("no answer")
        return [bar for bar in self.klines if bar.symbol == symbol and since < bar.end <= until]

    def prints(self, symbol: str, since_us: int, until_us: int) -> list[Tick]:
        return []

    def time_us(self) -> int:
        if not self._answers():
            raise Unavailable("no answer")
        return microseconds(self.venue.timeline.at) + self.skew_us

    def _answers(self) -> bool:
        self.venue.point("market.asks before")
        answered = self.venue.plan.journey().answered
        self.venue.point("market.asks after")
        return answered
