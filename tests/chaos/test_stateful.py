"""Orders and the account driven by hypothesis: terminal states absorb, money adds up, the limit holds."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app import risk
from app.domain.market import microseconds
from app.domain.orders import TERMINAL, Fill, IllegalTransition, Leg, Order, OrderState, OrderType, Report, Side
from app.domain.portfolio import Mark
from app.domain.protection import Protection
from app.domain.risk import SEVERITY, Account, Breaker, TradingState
from app.domain.sizing import Sizing
from app.domain.trading import Intent
from app.steps.approve_signal import approve_signal
from app.steps.events import last_marks
from tests.chaos.books import Store, in_memory
from tests.fixtures.memory.builders import NOON, a_signal, an_exit, an_instrument

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
LIMIT = Decimal("0.30")
CASH = Decimal(10_000)
STATES = st.sampled_from([OrderState.OPEN, OrderState.PARTIALLY_FILLED, OrderState.FILLED, OrderState.CANCELLED])
amounts = st.decimals("0.001", "3", places=3)
RULES = risk.rules({"cooldown": {"limit_s": 0}, "position_size": {"max_notional": Decimal(2500)}})
SIZING = Sizing(share=Decimal("0.12"), max_notional=Decimal(2500), max_exposure=LIMIT)


class Farm(RuleBasedStateMachine):
    """What happens to the books in any order, with what was seen long ago still believed by somebody."""

    def __init__(self, opened: Callable[[], Store]) -> None:
        super().__init__()
        self.store = opened()
        self.ports = self.store.ports
        self.at = NOON
        self.numbers = count(1)
        self.seen: list[Order] = []
        self.reports: dict[str, list[Fill]] = {}
        self.flow = CASH  # what the fills say of the cash
        self.booked: set[str] = set()
        self.ended: dict[str, OrderState] = {}

    @initialize()
    def open(self) -> None:
        """The account, the instruments, and a price of each."""
        self.ports["ledger"].open_account(CASH, NOON)
        self.ports["instruments"].save([an_instrument(symbol) for symbol in SYMBOLS], {}, NOON)
        for symbol in SYMBOLS:
            self.price(symbol, 100)

    @rule(symbol=st.sampled_from(SYMBOLS), price=st.integers(60, 120))
    def price(self, symbol: str, price: int) -> None:
        """The market moves."""
        self.ports["prices"].heard[symbol] = (float(price), microseconds(self.at))

    @rule(seconds=st.sampled_from([0, 1, 11]))
    def wait(self, seconds: int) -> None:
        """Time passes; the account is marked."""
        self.at += timedelta(seconds=seconds)
        for symbol, (price, _) in self.ports["prices"].heard.items():
            self.ports["prices"].heard[symbol] = (price, microseconds(self.at))
        self.ports["ledger"].mark(self._marks(), self.at)

    @rule(symbol=st.sampled_from(SYMBOLS))
    def enter(self, symbol: str) -> None:
        """A wish to buy; if it is approved, the limit and the state have room for it."""
        key = f"signal-{next(self.numbers)}"
        self.ports["signals"].save(a_signal(key, symbol=symbol, bar_end=self.at, found_at=self.at))
        before = self._account()
        order = self._approved(key)
        after = self._account()
        if order is None:
            assert (after.reserved, after.exposure) == (before.reserved, before.exposure)
            return
        assert before.state is after.state is TradingState.ACTIVE
        assert after.exposure + after.reserved <= after.equity * LIMIT
        assert after.reserved == before.reserved + order.amount * order.price
        assert after.free >= 0

    @rule(symbol=st.sampled_from(SYMBOLS))
    def hold(self, symbol: str) -> None:
        """An entry that goes as it should."""
        known = len(self.seen)
        self.enter(symbol)
        for order in self.seen[known:]:
            self.ports["orders"].claim(order.client_order_id, at=self.at, lease=timedelta(seconds=8))
            fill = self._fill(order, order.amount)
            self.reports[order.client_order_id] = [fill]
            self._settle(order, Report(fill.exchange_order_id, OrderState.FILLED, order.amount, (fill,)))
            self._count([fill])

    @rule(leg=st.sampled_from([Leg.STOP_LOSS, Leg.TAKE_PROFIT, Leg.STRATEGY_EXIT]), symbol=st.sampled_from(SYMBOLS))
    def leave(self, leg: Leg, symbol: str) -> None:
        """A wish to sell what there is."""
        key = f"signal-{next(self.numbers)}"
        wish = an_exit(key, symbol=symbol, leg=leg, trade_id=None, bar_end=self.at, found_at=self.at)
        self.ports["signals"].save(wish)
        self._approved(key)

    @rule(data=st.data(), how=st.sampled_from(["accept", "doubt", "release", "reject", "expire"]))
    def change(self, data: Any, how: str) -> None:
        """Somebody writes what became of an order, as he knew it."""
        order = self._any(data)
        if order is None:
            return
        argument = "venue-1" if how == "accept" else "a reason"
        with suppress(IllegalTransition):
            self.seen.append(getattr(self.ports["orders"], how)(order, argument, self.at))

    @rule(data=st.data())
    def claim(self, data: Any) -> None:
        """Somebody takes an order to send it; a second one only when it was released."""
        order = self._any(data)
        if order is None:
            return
        now = self.ports["orders"].get(order.client_order_id)
        claimed = self.ports["orders"].claim(order.client_order_id, at=self.at, lease=timedelta(seconds=8))
        assert (claimed is None) == (now.state is not OrderState.APPROVED)
        if claimed is not None:
            assert claimed.attempts == now.attempts + 1
            self.seen.append(claimed)

    @rule(data=st.data(), amount=amounts, state=STATES, old=st.booleans())
    def fill(self, data: Any, amount: Decimal, state: OrderState, old: bool) -> None:
        """The venue tells of an order, sometimes what it told before."""
        order = self._any(data)
        if order is None or self.ports["orders"].get(order.client_order_id).state is OrderState.APPROVED:
            return
        fills = self.reports.setdefault(order.client_order_id, [])
        amount = min(amount, order.amount - sum((one.amount for one in fills), Decimal(0)))
        if not old and amount > 0 and self._may_fill(order, amount):
            fills.append(self._fill(order, amount))
        told = fills[: len(fills) // 2] if old else fills
        filled = sum((one.amount for one in told), Decimal(0))
        with suppress(IllegalTransition):
            settled = self._settle(order, Report(f"venue-{order.client_order_id}", state, filled, tuple(told)))
            self.seen.append(settled)
            self._count(told)

    @invariant()
    def terminal_states_absorb(self) -> None:
        """And what was filled is never unfilled."""
        orders = self.store.books().orders if self.seen else {}
        for key, state in self.ended.items():
            assert orders[key].state is state
        self.ended = {key: order.state for key, order in orders.items() if order.state in TERMINAL}
        for seen in self.seen:
            assert orders[seen.client_order_id].filled >= seen.filled
            assert orders[seen.client_order_id].attempts >= seen.attempts

    @invariant()
    def money_adds_up(self) -> None:
        """Cash is what the fills made of it; equity is cash and positions, all to the last digit."""
        if not self.seen:
            return
        books, account, marks = self.store.books(), self._account(), self._marks()
        assert books.cash == account.cash == self.flow
        held = sum((trade.left * marks[trade.symbol].price for trade in books.trades.values()), Decimal(0))
        assert account.equity == books.cash + held
        assert account.reserved >= 0
        assert len(books.executions) == len(set(books.executions)) == len(self.booked)

    @invariant()
    def one_live_exit_a_trade(self) -> None:
        """However many wishes to leave there are."""
        orders = self.store.books().orders.values() if self.seen else ()
        live = [order.trade_id for order in orders if order.is_live and order.leg is not Leg.ENTRY]
        assert len(live) == len(set(live))

    def _approved(self, key: str) -> Order | None:
        approved = approve_signal(
            key,
            **{name: self.ports[name] for name in ("signals", "ledger", "instruments", "prices", "announce")},
            free=lambda currency: Decimal(1),
            rules=RULES,
            breaker=Breaker(),
            sizing=SIZING,
            order_type=OrderType.LIMIT,
            slippage=Decimal("0.001"),
            exit_slippage=Decimal("0.05"),
            time_to_live=timedelta(seconds=30),
            now=lambda: self.at,
        )
        if approved is None:
            return None
        order: Order = self.ports["orders"].get(approved)
        self.seen.append(order)
        return order

    def _settle(self, order: Order, report: Report) -> Order:
        instrument, at = an_instrument(order.symbol), self.at
        settle = partial(self.ports["orders"].settle, instrument=instrument, protection=Protection(), at=at)
        settled: Order = settle(order, report)
        return settled

    def _may_fill(self, order: Order, amount: Decimal) -> bool:
        """Nobody sells what he has not got."""
        trade = self.store.books().trades[order.trade_id]
        return order.side is Side.BUY or amount <= trade.left

    def _fill(self, order: Order, amount: Decimal) -> Fill:
        price, number = order.price, next(self.numbers)
        fee = price * amount * Decimal("0.0005")
        name = f"venue-{order.client_order_id}"
        return Fill(f"fill-{number}", name, order.symbol, order.side, price, amount, fee, "USDT", self.at)

    def _count(self, fills: list[Fill]) -> None:
        for one in fills:
            if one.venue_trade_id not in self.booked:
                self.booked.add(one.venue_trade_id)
                way = -1 if one.side is Side.BUY else 1
                self.flow += way * one.price * one.amount - one.commission

    def _any(self, data: Any) -> Order | None:
        return data.draw(st.sampled_from(self.seen)) if self.seen else None

    def _marks(self) -> dict[str, Mark]:
        return last_marks(self.ports["prices"], SYMBOLS)

    def _account(self) -> Account:
        account: Account = self.ports["ledger"].account(self._marks(), self.at)
        return account


def often(examples: int) -> settings:
    """The same examples each time."""
    ignored = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(
        max_examples=examples,
        stateful_step_count=30,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=ignored,
    )


def run_machine(opened: Callable[[], Store], examples: int) -> None:
    made: Any = partial(Farm, opened)
    run_state_machine_as_test(made, settings=often(examples))


def test_the_books_in_memory_hold() -> None:
    run_machine(in_memory, examples=100)


def test_the_books_on_sqlite_hold(another_on_sqlite: Callable[[], Store]) -> None:
    run_machine(another_on_sqlite, examples=8)


equities = st.decimals("100", "100000", places=2)
shares = st.decimals("0", "0.4", places=4)


@given(equities, shares, shares, st.decimals("0.01", "5000", places=2))
@often(200)
def test_what_is_sized_is_never_above_the_limit(
    equity: Decimal, held: Decimal, reserved: Decimal, price: Decimal
) -> None:
    account = _account(equity, held, reserved)
    instrument = an_instrument()
    amount = SIZING.amount(account, price, instrument)

    intent = Intent(a_signal(), instrument, price, amount, NOON, 0.0)
    objections = [one.objection(intent, account) for one in RULES if type(one).__module__ == "app.risk.max_exposure"]

    assert amount == instrument.floor_amount(amount)
    assert amount == 0 or objections == [None]
    assert amount * price <= account.free


@given(equities, shares, st.sampled_from(list(TradingState)), st.sampled_from(list(Leg)))
@often(200)
def test_a_stricter_state_never_allows_more(equity: Decimal, held: Decimal, state: TradingState, leg: Leg) -> None:
    signal = a_signal(leg=leg, side=Side.BUY if leg is Leg.ENTRY else Side.SELL)
    intent = Intent(signal, an_instrument(), Decimal(100), Decimal(1), NOON, 0.0)
    account = _account(equity, held, Decimal(0))

    def refused(in_state: TradingState) -> int:
        return sum(one.objection(intent, replace(account, state=in_state)) is not None for one in RULES)

    stricter = [one for one in TradingState if SEVERITY[one] >= SEVERITY[state]]
    assert all(refused(one) >= refused(state) for one in stricter)


def _account(equity: Decimal, held: Decimal, reserved: Decimal) -> Account:
    exposure = equity * held
    return Account(TradingState.ACTIVE, equity - exposure, equity, equity, equity, exposure, equity * reserved)
