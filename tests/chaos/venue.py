"""A venue in virtual time, as slow, deaf, mute and forgetful as the plan wants; its journal is what the judge reads."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from app.domain.errors import RateLimited, Refused, Unavailable, Unknown
from app.domain.market import Instrument
from app.domain.orders import TERMINAL, Fill, Order, OrderState, OrderType, Report, Search, Side, Stamp
from tests.chaos.plans import Filling, Plan
from tests.chaos.virtual import Timeline

TIMEOUT_S = 5.0
FEE = Decimal("0.0005")
AHEAD = timedelta(seconds=1)  # a timestamp may be so much later than the venue's own time, as MEXC documents
WAYS = 2  # besides the order's name, and all that is slower in one: what works, the history, the fills
ZERO = Decimal(0)


@dataclass
class Accepted:
    """An order in the venue's journal, with everything that it ever said of it."""

    order: Order
    at: datetime
    exchange_order_id: str
    state: OrderState = OrderState.OPEN
    fills: list[Fill] = field(default_factory=list)
    told: list[tuple[datetime, Report]] = field(default_factory=list)
    filling: Filling = field(default_factory=Filling)
    untold: Decimal = ZERO  # filled before it was cancelled, and told of only afterwards

    @property
    def filled(self) -> Decimal:
        """How much."""
        return sum((fill.amount for fill in self.fills), ZERO)

    @property
    def rest(self) -> Decimal:
        """How much more it may still fill."""
        return self.untold if self.state in TERMINAL else self.order.amount - self.filled


@dataclass
class Venue:
    """Its requests travel in virtual time: what is under way arrives whether or not the sender is still alive."""

    timeline: Timeline
    plan: Plan
    point: Callable[[str], None]
    instruments: dict[str, Instrument]
    recv_window: timedelta
    balances: dict[str, Decimal] = field(default_factory=lambda: {"USDT": Decimal(10_000)})
    locked: dict[str, Decimal] = field(default_factory=dict)  # by orders that are not the farm's
    last: Decimal = Decimal(100)
    journal: list[Accepted] = field(default_factory=list)
    on_accepted: Callable[[Accepted], None] = lambda accepted: None
    on_change: Callable[[Order], None] = lambda order: None
    too_late: Decimal = ZERO  # bought after it was said to be cancelled, which no limit can prevent
    measured: timedelta | None = None  # how far the farm believes the venue's clock to be ahead of the true time

    def __post_init__(self) -> None:
        self._began, self._error_s = self.timeline.at, self.plan.clock.error_s

    def clock(self) -> datetime:
        """The venue's own time."""
        elapsed_s = (self.timeline.at - self._began).total_seconds()
        return self.timeline.at + timedelta(seconds=self.plan.clock.ahead_s + self.plan.clock.drift * elapsed_s)

    def stamp(self, at: datetime) -> Stamp:
        """As the client does it: by its own clock, and by how far it has measured the venue's to be ahead of that."""
        if self.measured is None:
            self.measured = self.clock() - self.timeline.at + timedelta(seconds=self._error_s)
        signed_at = at - self.timeline.skew + self.measured
        return Stamp(signed_at, signed_at + self.recv_window)

    def submit(self, order: Order, *, signed_at: datetime) -> str:
        self.point("venue.submit before")
        journey = self.plan.journey()
        answer: list[str | Exception] = []
        self.timeline.after(journey.there_s, lambda: answer.append(self._arrived(order, signed_at)))
        self.point("venue.submit under way")
        if journey.cut:
            self.timeline.sleep(journey.back_s)
            raise Unknown("the connection was dropped")
        trip_s = journey.there_s + journey.back_s
        if not journey.answered or trip_s > TIMEOUT_S:
            self.timeline.sleep(TIMEOUT_S)
            raise Unknown("the request timed out")
        self.timeline.sleep(trip_s)
        self.point("venue.submit after")
        if isinstance(answer[0], Exception):
            raise answer[0]
        return answer[0]

    def await_turn(self, order: Order) -> None:
        self.point("venue.await_turn before")
        if not self.plan.journey().answered:
            raise RateLimited("too many requests", 1.0)
        self.point("venue.await_turn after")

    def look_up(self, order: Order) -> Report | None:
        self.point("venue.look_up before")
        self.ask()
        report = self._shown(order)
        self.point("venue.look_up after")
        return report

    def search(self, order: Order) -> Search:
        self.point("venue.search before")
        journey = self.plan.journey()
        if not journey.answered:
            self.timeline.sleep(TIMEOUT_S)
            raise Unavailable("no answer")
        began_at = self.clock()
        self.timeline.sleep(journey.back_s)
        self.point("venue.search under way")
        found = None
        for _ in range(WAYS):
            self.ask()
            found = found or self._shown(order)
        self.point("venue.search after")
        return Search(found, began_at, in_reach=True)

    def cancel(self, order: Order) -> None:
        self.point("venue.cancel before")
        for mine in self._named(order):
            if mine.state not in TERMINAL:
                self._end(mine)
        self.ask()
        self.point("venue.cancel after")

    def balance(self, currency: str) -> Decimal:
        self.point("venue.balance before")
        if not self.plan.journey().answered:
            raise Unavailable("no answer")
        self.point("venue.balance after")
        return self.balances.get(currency, ZERO)

    def ask(self) -> None:
        """A question that travels there and back, or gets no answer."""
        journey = self.plan.journey()
        if not journey.answered:
            self.timeline.sleep(TIMEOUT_S)
            raise Unavailable("no answer")
        self.timeline.sleep(journey.back_s)

    def free_coins(self, base: str) -> Decimal:
        """What no order has locked of a coin."""
        sales = [one for one in self.journal if one.order.side is Side.SELL and one.order.symbol == f"{base}/USDT"]
        locked = sum((one.rest for one in sales), self.locked.get(base, ZERO))
        return self.balances.get(base, ZERO) - locked

    def _shown(self, order: Order) -> Report | None:
        """What the venue shows of it, which may be as old as the plan wants."""
        seen_at = self.timeline.at - timedelta(seconds=self.plan.lag_s())
        said = [(at, one) for mine in self._named(order) for at, one in mine.told if at <= seen_at]
        return sorted(said, key=lambda pair: pair[0])[-1][1] if said else None

    def _free(self, order: Order) -> Decimal:
        """What an order may use: the balance without what other open ones have locked."""
        base, _, quote = order.symbol.partition("/")
        if order.side is Side.BUY:
            locked = sum((one.rest * one.order.price for one in self.journal if one.order.side is Side.BUY), ZERO)
            return self.balances[quote] - locked
        return self.free_coins(base)

    def _named(self, order: Order) -> list[Accepted]:
        return [one for one in self.journal if one.order.client_order_id == order.client_order_id]

    def _arrived(self, order: Order, signed_at: datetime) -> str | Exception:
        """What the venue answers to a request that reaches it now."""
        if signed_at >= self.clock() + AHEAD or self.clock() - signed_at > self.recv_window:
            self.measured, self._error_s = None, self.plan.clock.errors_s
            return Unavailable("700003: the timestamp is outside of recvWindow")
        if self._named(order) and not self.plan.takes_duplicates:
            return Unknown("-2010: there is an order of that client order id")
        if self._free(order) < (order.amount * order.price if order.side is Side.BUY else order.amount):
            return Refused("insufficient balance", "30004")
        name = f"venue-{len(self.journal) + 1}"
        accepted = Accepted(order, self.timeline.at, name, filling=self.plan.filling())
        self.journal.append(accepted)
        self.on_accepted(accepted)
        self._meet_the_book(accepted, accepted.filling)
        return accepted.exchange_order_id

    def _meet_the_book(self, mine: Accepted, filling: Filling) -> None:
        rests = mine.order.type is OrderType.LIMIT
        self._fill(mine, 1 if mine.order.type is OrderType.MARKET else filling.at_once)
        if mine.state in TERMINAL:
            return
        if not rests:
            self._end(mine)
        elif filling.later:
            self.timeline.after(filling.later_s, lambda: self._fill(mine, filling.later))

    def _end(self, mine: Accepted) -> None:
        """Cancel it, though some of it may have been filled already, which nobody is told yet."""
        mine.untold = self._part(mine, mine.filling.too_late)
        self._tell(mine, OrderState.CANCELLED)
        if mine.untold:
            self.too_late += mine.untold * mine.order.price if mine.order.side is Side.BUY else ZERO
            self.timeline.after(mine.filling.too_late_s, lambda: self._tell_late(mine))

    def _tell_late(self, mine: Accepted) -> None:
        mine.fills.append(self._paid(mine, mine.untold, self.instruments[mine.order.symbol]))
        mine.untold = ZERO
        self._tell(mine, mine.state)

    def _part(self, mine: Accepted, share: float) -> Decimal:
        """So much of what was ordered, floored to the step, if so much is left."""
        wanted = self.instruments[mine.order.symbol].floor_amount(mine.order.amount * Decimal(str(share)))
        return min(wanted, mine.order.amount - mine.filled)

    def _fill(self, mine: Accepted, share: float) -> None:
        amount = self._part(mine, share)
        if mine.state in TERMINAL:
            return
        if amount > 0:
            mine.fills.append(self._paid(mine, amount, self.instruments[mine.order.symbol]))
        done, part = mine.filled == mine.order.amount, OrderState.PARTIALLY_FILLED
        self._tell(mine, OrderState.FILLED if done else part if mine.fills else OrderState.OPEN)

    def _paid(self, mine: Accepted, amount: Decimal, instrument: Instrument) -> Fill:
        buys, notional = mine.order.side is Side.BUY, self.last * amount
        in_base = buys and self.plan.fee_in_base
        fee = amount * FEE if in_base else notional * FEE
        way = 1 if buys else -1
        base, quote = self.balances.get(instrument.base, ZERO), self.balances[instrument.quote]
        self.balances[instrument.base] = base + way * amount - (fee if in_base else 0)
        self.balances[instrument.quote] = quote - way * notional - (0 if in_base else fee)
        return Fill(
            venue_trade_id=f"{mine.exchange_order_id}-{len(mine.fills) + 1}",
            exchange_order_id=mine.exchange_order_id,
            symbol=instrument.symbol,
            side=mine.order.side,
            price=self.last,
            amount=amount,
            commission=fee,
            commission_asset=instrument.base if in_base else instrument.quote,
            at=self.timeline.at,
        )

    def _tell(self, mine: Accepted, state: OrderState) -> None:
        mine.state = state
        mine.told.append((self.timeline.at, Report(mine.exchange_order_id, state, mine.filled, tuple(mine.fills))))
        self.on_change(mine.order)

    def exposure(self) -> Decimal:
        """What is held, and what open entries may still buy, in quote currency."""
        held = sum((amount for coin, amount in self.balances.items() if coin != "USDT"), ZERO) * self.last
        return held + sum((o.rest * o.order.price for o in self.journal if o.order.side is Side.BUY), ZERO)
