"""Says after each commit, and at the end, what does not hold: the books are held against the venue's journal."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from app.domain.orders import TERMINAL, Leg, Order, OrderState, Side
from app.domain.portfolio import TradeStatus
from app.domain.risk import TradingState
from tests.chaos.books import Books
from tests.chaos.venue import ZERO, Accepted, Venue
from tests.chaos.virtual import Timeline

LIMIT = Decimal("0.30") * 10_000


class Judge:
    """`wrong` is what was seen so far."""

    def __init__(self, books: Callable[[], Books], venue: Venue, timeline: Timeline) -> None:
        self._books, self._venue, self._timeline = books, venue, timeline
        self._ended: dict[str, OrderState] = {}
        self._known: set[str] = set()
        self._halted_at: datetime | None = None
        self.high_water = ZERO  # exposure with reservations in the books
        self.high_water_at_venue = ZERO
        self.wrong: list[str] = []

    def committed(self) -> None:
        """After each call that may have changed the books."""
        books = self._books()
        self._terminal_states_absorb(books)
        self._one_live_exit_a_trade(books)
        self._limit_in_the_books(books)
        self._breaker(books)

    def accepted(self, accepted: Accepted) -> None:
        """When the venue takes an order, before anything is filled."""
        exposure = self._venue.exposure()
        self.high_water_at_venue = max(self.high_water_at_venue, exposure)
        if exposure > LIMIT + self._venue.too_late and accepted.order.side is Side.BUY and self._venue.last == 100:
            self.wrong.append(f"exposure at the venue {exposure} is above {LIMIT}")
        live = [o.order for o in self._venue.journal if o.state not in TERMINAL and o.order.side is Side.SELL]
        if any(times > 1 for times in Counter(order.trade_id for order in live).values()):
            self.wrong.append(f"two exits of trade {accepted.order.trade_id} are open at the venue")
        if self._times(accepted.order) > 1:
            self.wrong.append(f"the venue took {accepted.order.client_order_id} twice")

    def standing(self) -> list[str]:
        """What has not come to its end."""
        books = self._books()
        orders = [f"{o.client_order_id[:6]} is {o.state}" for o in books.orders.values() if o.is_live]
        return orders + [f"signal {key[:6]} is undecided" for key in books.undecided]

    def verdict(self) -> list[str]:
        """What does not hold when all is quiet."""
        books = self._books()
        return [*self.wrong, *self._forgotten(books), *self._fills(books), *self._money(books)]

    def _forgotten(self, books: Books) -> list[str]:
        wrong = self.standing()
        unheard = [o.order for o in self._venue.journal if o.order.client_order_id not in books.orders]
        wrong += [f"the books do not know {order.client_order_id}" for order in unheard]
        pending = [t.id for t in books.trades.values() if t.status is TradeStatus.PENDING]
        return wrong + [f"trade {number} is pending for ever" for number in pending]

    def _fills(self, books: Books) -> list[str]:
        there = sorted((o.order.symbol, fill.venue_trade_id) for o in self._venue.journal for fill in o.fills)
        wrong = [] if there == books.executions else [f"fills {there} at the venue, {books.executions} in the books"]
        filled = {o.order.client_order_id: o.filled for o in self._venue.journal}
        off = [o for o in books.orders.values() if o.filled != filled.get(o.client_order_id, ZERO)]
        return wrong + [f"{order.client_order_id} is filled {order.filled} in the books" for order in off]

    def _money(self, books: Books) -> list[str]:
        wrong = []
        if books.cash != self._venue.balances["USDT"]:
            wrong.append(f"cash is {books.cash} in the books, {self._venue.balances['USDT']} at the venue")
        for symbol in {trade.symbol for trade in books.trades.values()}:
            left = sum((t.left for t in books.trades.values() if t.symbol == symbol), ZERO)
            coins = self._venue.balances.get(symbol.partition("/")[0], ZERO)
            if left != coins:
                wrong.append(f"{symbol} is {left} in the books, {coins} at the venue")
        return wrong

    def _terminal_states_absorb(self, books: Books) -> None:
        for key, state in self._ended.items():
            if books.orders[key].state != state:
                self.wrong.append(f"{key} went from {state} to {books.orders[key].state}")
        self._ended = {key: order.state for key, order in books.orders.items() if not order.is_live}

    def _one_live_exit_a_trade(self, books: Books) -> None:
        exits = Counter(o.trade_id for o in books.orders.values() if o.is_live and o.leg is not Leg.ENTRY)
        self.wrong += [f"trade {trade} has {times} live exits" for trade, times in exits.items() if times > 1]

    def _limit_in_the_books(self, books: Books) -> None:
        if self._venue.last != 100:
            return
        entries = [o for o in books.orders.values() if o.is_live and o.leg is Leg.ENTRY]
        held = sum((t.left * self._venue.last for t in books.trades.values()), ZERO)
        exposure = held + sum((o.reserved * (1 - o.filled / o.amount) for o in entries), ZERO)
        self.high_water = max(self.high_water, exposure)
        if exposure > LIMIT + self._venue.too_late:
            self.wrong.append(f"exposure in the books {exposure} is above {LIMIT}")

    def _breaker(self, books: Books) -> None:
        """An entry that is first seen after the state was HALTED was approved too late."""
        new = [o for key, o in books.orders.items() if key not in self._known and o.leg is Leg.ENTRY]
        if self._halted_at is not None:
            self.wrong += [f"entry {order.client_order_id} came after the breaker" for order in new]
        self._known = set(books.orders)
        if books.state == TradingState.HALTED and self._halted_at is None:
            self._halted_at = self._timeline.at

    def _times(self, order: Order) -> int:
        return sum(o.order.client_order_id == order.client_order_id for o in self._venue.journal)
