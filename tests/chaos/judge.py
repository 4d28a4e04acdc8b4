"""Says after each commit, and at the end, what does not hold: the books are held against the venue's journal."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from app.domain.bars import is_sound
from app.domain.orders import TERMINAL, Leg, Order, OrderState, Side
from app.domain.portfolio import Trade, TradeStatus, is_dust
from app.domain.risk import SEVERITY, TradingState
from tests.chaos.books import Books, Record
from tests.chaos.scenes import SIDES
from tests.chaos.tasks import BREAKER
from tests.chaos.venue import ZERO, Accepted

if TYPE_CHECKING:
    from tests.chaos.world import World

LIMIT = Decimal("0.30") * 10_000
DUST = Decimal(1)  # what nobody can sell waits for no price
CLOSE = Decimal("0.005")  # fills and fees between the farm's look and the judge's
WITHDRAWN_WITHIN = timedelta(seconds=25)  # a lease, and what two deaths cost


@dataclass
class Day:
    """A day's equity at true prices, and the worst that was lost of it, as shares."""

    date: date
    opening: Decimal = ZERO
    high: Decimal = ZERO
    loss: Decimal = ZERO
    drawdown: Decimal = ZERO

    def see(self, equity: Decimal) -> None:
        """It is so much now."""
        self.opening, self.high = self.opening or equity, max(self.high, equity)
        self.loss = max(self.loss, (self.opening - equity) / self.opening)
        self.drawdown = max(self.drawdown, (self.high - equity) / self.high)


class Judge:
    """`wrong` is what was seen so far."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._books, self._venue, self._timeline = world.store.books, world.venue, world.timeline
        self._reconciled_at = self._books().reconciled_at
        self._ended: dict[str, OrderState] = {}
        self._known: set[str] = set()
        self._halted_at: datetime | None = None
        self._state: str = TradingState.ACTIVE
        self._today = self._timeline.at.date()
        self._day = Day(self._today)
        self._equity = self._highest = ZERO  # now, and since midnight
        self.high_water = ZERO  # exposure with reservations in the books
        self.high_water_at_venue = ZERO
        self.wrong: list[str] = []

    def committed(self) -> None:
        """After each call that may have changed the books."""
        books = self._books()
        self._priced(books)
        self._nothing_ends_that_the_venue_has(books)
        self._terminal_states_absorb(books)
        self._one_live_exit_a_trade(books)
        self._limit_in_the_books(books)
        self._breaker(books)
        self._fired_rightly(books)
        self._marked(books)
        self._reconciled(books)

    def priced(self) -> None:
        """When a price has moved."""
        self._priced(self._books())

    def begin_anew(self) -> None:
        """When the database has forgotten what it knew."""
        self._ended, self._known = {}, set(self._books().orders)
        self._reconciled_at = self._books().reconciled_at

    def accepted(self, accepted: Accepted) -> None:
        """When the venue takes an order, before anything is filled."""
        exposure = self._venue.exposure()
        self.high_water_at_venue = max(self.high_water_at_venue, exposure)
        if exposure > LIMIT + self._venue.too_late and accepted.order.side is Side.BUY and self._venue.last == 100:
            self.wrong.append(f"exposure at the venue {exposure} is above {LIMIT}")
        live = [o.order for o in self._venue.journal if o.state not in TERMINAL and o.order.side is Side.SELL]
        if any(times > 1 for times in Counter(order.trade_id for order in live).values()):
            self.wrong.append(f"two exits of trade {accepted.order.trade_id} are open at the venue")
        known = self._books().orders.get(accepted.order.client_order_id)
        if known is not None and known.state not in (OrderState.SUBMITTING, OrderState.UNKNOWN):
            self.wrong.append(f"the venue took {known.client_order_id}, which is {known.state} here")
        if self._times(accepted.order) > 1:
            self.wrong.append(f"the venue took {accepted.order.client_order_id} twice")

    def standing(self) -> list[str]:
        """What has not come to its end."""
        books = self._books()
        orders = [f"{o.client_order_id[:6]} is {o.state}" for o in books.orders.values() if o.is_live]
        signals = [f"signal {key[:6]} is undecided" for key in books.undecided]
        box = self._world.mailboxes
        boxes = [] if box.drained == len(box.frames) else [f"{len(box.frames) - box.drained} frames are not drained"]
        if "archive" in self._world.scene.upkeep and box.archived < len(box.frames):
            boxes.append(f"{len(box.frames) - box.archived} frames are not archived")
        leaving = [t for t in books.trades.values() if t.leaving_key is not None and self._can_be_sold(t)]
        return orders + signals + boxes + [f"trade {trade.id} is still to be left" for trade in leaving]

    def verdict(self) -> list[str]:
        """What does not hold when all is quiet."""
        books = self._books()
        record = self._world.store.record()
        wrong = [*self.wrong, *self._forgotten(books), *self._fills(books), *self._money(books)]
        wrong += [*self._told(books, record), *self._left_half(books)]
        if not self._world.is_scripted:
            return wrong
        wrong += [*self._market(record), *self._missed(books), *self._withdrawn()]
        return [*wrong, *self._alarms(record), *self._stayed(books, record), *self._sunk(books, record)]

    def _alarms(self, record: Record) -> Iterator[str]:
        scene = self._world.scene
        if scene.skewed_s is not None and "check_clock" in scene.upkeep and "clock.off" not in record.alarms:
            yield "nobody was told that the venue's clock was off"
        skew = self._world.store.ports["skews"].read()
        if skew is not None and skew.off_since is not None:
            yield "the venue's clock is said to be off, though it is well again"

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

    def _told(self, books: Books, record: Record) -> Iterator[str]:
        """After two reconciliations what differs is known, and told, and it is what strangers did."""
        symbols = {order.symbol for order in books.orders.values()}
        expected = self._world.account.to_be_told(symbols)
        if books.differences != expected:
            yield f"differences are {sorted(books.differences)}, not {sorted(expected)}"
        if not expected <= record.told:
            yield f"nobody was told of {sorted(expected - record.told)}"
        if books.reconciled_at is None:
            yield "the books were never found to agree"

    def _market(self, record: Record) -> Iterator[str]:
        """Every bar is there, searched, and whole where windows are warmed; every tick where they are archived."""
        upkeep = self._world.scene.upkeep
        for bar in self._world.market.klines:
            place = bar.symbol, bar.end
            if place in self._world.market.unheard:
                continue
            if place not in record.bars:
                yield f"the bar of {bar.symbol} at {bar.end:%S} s is not in the books"
            elif "warm" in upkeep and not record.bars[place]:
                yield f"the bar of {bar.symbol} at {bar.end:%S} s is still not whole"
            if bar.volume in SIDES and place not in record.searched:
                yield f"nobody searched the bar of {bar.symbol} at {bar.end:%S} s"
        heard = sum(is_sound(row) for frame in self._world.mailboxes.frames for row in frame.rows)
        least = heard - self._world.mailboxes.unarchived
        if "archive" in upkeep and not least <= record.ticks <= heard:
            yield f"{record.ticks} ticks are archived of {least} to {heard}"

    def _missed(self, books: Books) -> Iterator[str]:
        """What has to be done in the end is done."""
        scene = self._world.scene
        opened = [trade.id for trade in books.trades.values() if trade.status is TradeStatus.OPEN]
        if opened and (scene.flattens_s or (scene.flattens and books.state == TradingState.HALTED)):
            yield f"trades {opened} are open though all were to be left"
        if scene.flattens_s and books.state != TradingState.HALTED:
            yield f"a person has halted trading, and it is {books.state}"

    def _left_half(self, books: Books) -> Iterator[str]:
        """What was begun to be left is left, whatever became of its first exits."""
        left = {order.trade_id for order in books.orders.values() if order.leg is not Leg.ENTRY}
        for trade in books.trades.values():
            if trade.id in left and self._can_be_sold(trade):
                yield f"trade {trade.id} had an exit, and {trade.left} of it is still held"

    def _can_be_sold(self, trade: Trade) -> bool:
        """Whether it holds something, in the books and at the venue: what was sold may not be told yet."""
        instrument = self._venue.instruments[trade.symbol]
        there = min(trade.left, self._venue.free_coins(instrument.base))
        return _is_held(trade) and not is_dust(there, self._venue.last, instrument)

    def _stayed(self, books: Books, record: Record) -> Iterator[str]:
        """What the strategy wished to leave after it had entered is left, unless nobody was to listen to it."""
        bars = {wish.key: wish.bar_end for wish, _ in record.wishes}
        entered = {o.trade_id: bars[o.signal_key] for o in books.orders.values() if o.leg is Leg.ENTRY}
        for wish, refused_at in record.wishes:
            unheard = refused_at is not None and self._halted_at is not None and refused_at >= self._halted_at
            if wish.side is Side.BUY or unheard:
                continue
            for trade in books.trades.values():
                if trade.symbol == wish.symbol and entered[trade.id] < wish.bar_end and _is_held(trade):
                    yield f"trade {trade.id} is held though the strategy wished to leave it at {wish.bar_end:%S} s"

    def _sunk(self, books: Books, record: Record) -> Iterator[str]:
        """A price that was worked through while a trade was open is in its peak, unless it was being left by then."""
        box = self._world.mailboxes
        for place, price, opened in self._world.peaks:
            for number in opened:
                trade = books.trades[number]
                wanted_at = None if trade.leaving_key is None else record.found[trade.leaving_key]
                if (wanted_at is None or wanted_at > box.drained_at[place]) and (trade.peak or ZERO) < price:
                    yield f"trade {number} has a peak of {trade.peak}, and the market was at {price}"

    def _withdrawn(self) -> Iterator[str]:
        """What rests at the venue when trading is halted does not rest there for long."""
        if self._halted_at is None:
            return
        for accepted in self._venue.journal:
            rested = max(at for at, _ in accepted.told) - max(self._halted_at, accepted.at)
            if accepted.order.leg is Leg.ENTRY and rested > WITHDRAWN_WITHIN:
                yield f"entry {accepted.order.client_order_id} rested {rested} after trading was halted"

    def _priced(self, books: Books) -> None:
        """What the books hold, at the prices that there are: whoever values it otherwise has forgotten one."""
        held = sum((trade.left * self._venue.last for trade in books.trades.values()), ZERO)
        if books.day is None:
            return
        equity, today = books.cash + held, self._timeline.at.date()
        if today != self._today:  # and it was so much until now
            self._today, self._highest = today, self._equity or equity
        self._equity, self._highest = equity, max(self._highest, equity)
        if books.day != self._day.date:  # it begins when the farm begins it, with a valuation of since midnight
            seen = self._highest if books.day == today else equity
            self._day = Day(books.day, seen, seen)
        self._day.see(equity)

    def _fired_rightly(self, books: Books) -> None:
        """The breaker tightens the state for what was lost, and no high is marked that never was."""
        before, self._state = self._state, books.state
        is_stricter = SEVERITY[TradingState(books.state)] > SEVERITY[TradingState(before)]
        halts = books.state == TradingState.HALTED
        lost, limit = (self._day.loss, BREAKER.max_day_loss) if halts else (self._day.drawdown, BREAKER.max_drawdown)
        if is_stricter and books.state_by == "breaker" and lost < limit - CLOSE:
            self.wrong.append(f"trading is {books.state} though no more than {lost:.2%} was lost")
        if books.day_high > self._day.high + DUST:
            self.wrong.append(
                f"the day's high is marked at {books.day_high}, and equity was never above {self._day.high}"
            )

    def _marked(self, books: Books) -> None:
        """Whoever writes down a loss halts trading with it."""
        if books.day_open <= 0 or books.state == TradingState.HALTED:
            return
        loss = (books.day_open - books.marked) / books.day_open
        if loss >= BREAKER.max_day_loss:
            self.wrong.append(f"a loss of {loss:.2%} is marked and trading is {books.state}")

    def _reconciled(self, books: Books) -> None:
        """Books that are said to agree hold every fill that the venue had told of when they began to be compared."""
        before, self._reconciled_at = self._reconciled_at, books.reconciled_at
        at = books.reconciled_at
        if at in (before, None) or not self._venue.journal:
            return
        told = [(o.order.symbol, fill) for o in self._venue.journal for fill in o.fills]
        due = {(symbol, fill.venue_trade_id) for symbol, fill in told if fill.at <= at - self._world.read_lag}
        if due - set(books.executions):
            self.wrong.append(f"the books are said to agree without {sorted(due - set(books.executions))}")

    def _nothing_ends_that_the_venue_has(self, books: Books) -> None:
        """A reservation is freed by proof; what a restored database holds for never sent, it cannot know better."""
        taken = {accepted.order.client_order_id for accepted in self._venue.journal}
        for key in taken & books.orders.keys() - self._ended.keys():
            order, forgot = books.orders[key], self._world.scene.restored_s is not None
            if order.state in (OrderState.REJECTED, OrderState.EXPIRED) and not (forgot and order.claimed_at is None):
                self.wrong.append(f"{key} is {order.state} here, and the venue has it")

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
        """An entry that is first seen after the state was HALTED, or in books that may be wrong, is one too many."""
        new = [o for key, o in books.orders.items() if key not in self._known and o.leg is Leg.ENTRY]
        if books.reconciled_at is None:
            self.wrong += [f"entry {order.client_order_id} came before the books were compared" for order in new]
        if self._halted_at is not None:
            self.wrong += [f"entry {order.client_order_id} came after the breaker" for order in new]
        self._known = set(books.orders)
        if books.state == TradingState.HALTED and self._halted_at is None:
            self._halted_at = self._timeline.at

    def _times(self, order: Order) -> int:
        return sum(o.order.client_order_id == order.client_order_id for o in self._venue.journal)


def _is_held(trade: Trade) -> bool:
    return trade.status is TradeStatus.OPEN and trade.left > 0
