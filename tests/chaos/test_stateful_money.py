"""Money driven by hypothesis through the real steps: fees in any coin, partial fills, dust, symbols of all kinds.

The venue is honest and slow: it fills what the machine says, in parts and at better prices, and takes its fee in quote,
in base or in a third coin. What the books must say is reckoned beside them with fractions, which never round.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import count
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app import risk
from app.domain.market import Instrument, microseconds
from app.domain.orders import TERMINAL, Fill, Leg, Order, OrderState, OrderType, Report, Side
from app.domain.portfolio import Trade, TradeStatus
from app.domain.protection import Protection
from app.domain.risk import Account, Breaker, TradingState
from app.domain.sizing import Sizing
from app.steps.approve_signal import approve_signal
from app.steps.mark_equity import mark_equity
from app.steps.place_order import place_order
from app.steps.settle_order import settle_order
from tests.chaos.books import Books, Store, in_memory
from tests.chaos.test_stateful import often
from tests.fixtures.fakes import MemoryHandOn
from tests.fixtures.memory.builders import NOON, a_signal, an_exit, an_instrument
from tests.fixtures.memory.venue import MemoryTrading

D = Decimal
CASH, LIMIT = D(10_000), D("0.30")
SLIPPAGE, MOST_SLIPPAGE = D("0.001"), D("0.05")


def listed(symbol: str, price: str, price_step: str, amount_step: str, **rules: Any) -> tuple[Instrument, Decimal]:
    """A symbol's rules and its first price."""
    steps = {"price_step": D(price_step), "amount_step": D(amount_step), "min_amount": D(amount_step)}
    return an_instrument(symbol, **{**steps, **rules}), D(price)


LISTED = (
    listed("BTC/USDT", "64000.01", "0.01", "0.000001"),
    listed("ETH/USDT", "3000.55", "0.01", "0.01", min_amount=D("0.02"), min_notional=D(5), taker_fee=D(0)),
    listed("DOGE/USDT", "0.12345", "0.00001", "1", min_amount=D(10), max_notional=D(600)),
    listed("PEPE/USDT", "0.0000084213", "0.0000000001", "1", min_notional=D(5), taker_fee=D("0.002")),
)
RULES_OF = {instrument.symbol: instrument for instrument, _ in LISTED}
SYMBOLS = tuple(RULES_OF)
RULES = risk.rules(
    {
        "cooldown": {"limit_s": 0},
        "max_exposure": {"limit": LIMIT},
        "not_reconciled": {"limit_s": 10**9},
        "position_size": {"max_notional": D(2500)},
    }
)
SIZING = Sizing(share=D("0.12"), max_notional=D(2500), max_exposure=LIMIT)

QUICK = (Phase.generate, Phase.shrink)  # to explain a failure, each step would be watched, which doubles the time
symbols = st.sampled_from(SYMBOLS)
fee_rates = st.sampled_from([D(0), D("0.0005"), D("0.002"), D("0.01")])
shares = st.sampled_from([D("0.001"), D("0.1"), D("0.5"), D("0.99"), D(1)])
gains = st.sampled_from([D(0), D("0.0003"), D("0.02")])
coins = st.sampled_from(["quote", "base", "MX"])


class SlowVenue(MemoryTrading):
    """Takes every order and leaves it to the machine to fill it."""

    def _matched(self, order: Order, exchange_order_id: str) -> Report:
        return Report(exchange_order_id, OrderState.OPEN, D(0))


class Desk(RuleBasedStateMachine):
    """Entries and exits over several symbols, and beside the books what they must say."""

    def __init__(self, opened: Callable[[], Store]) -> None:
        super().__init__()
        self.store = opened()
        self.ports = self.store.ports
        self.at = NOON
        self.numbers = count(1)
        self.venue = SlowVenue(balances={"USDT": CASH})
        self.prices: dict[str, Decimal] = {}
        self.cash = Fraction(CASH)
        self.coins: dict[int, Fraction] = {}  # what each trade has bought, less its fees, less what it sold
        self.profit: dict[int, Fraction] = {}
        self.ended: dict[str, OrderState] = {}
        self.told: dict[str, list[Report]] = {}

    @initialize()
    def open(self) -> None:
        """The account, what is listed, and a price of each."""
        self.ports["ledger"].open_account(CASH, NOON)
        self.ports["instruments"].save(list(RULES_OF.values()), {}, NOON)
        self.prices = {instrument.symbol: price for instrument, price in LISTED}

    @rule(symbol=symbols, factor=st.sampled_from([D("0.93"), D("0.999"), D("1.004"), D("1.08")]))
    def move(self, symbol: str, factor: Decimal) -> None:
        """The market prints another price, on its grid."""
        self.prices[symbol] = RULES_OF[symbol].round_price(self.prices[symbol] * factor)

    @rule(symbol=symbols)
    def enter(self, symbol: str) -> None:
        """A wish to buy."""
        self._entered(symbol)

    @rule(symbol=symbols, leg=st.sampled_from([Leg.STOP_LOSS, Leg.TAKE_PROFIT, Leg.OPERATOR_EXIT]))
    def leave(self, symbol: str, leg: Leg) -> None:
        """A wish to sell."""
        self._left(symbol, leg)

    @rule(symbol=symbols, how=st.data(), parts=st.integers(1, 3))
    def buy(self, symbol: str, how: Any, parts: int) -> None:
        """An entry that goes as it should, filled in so many parts at most."""
        self._carry_out(self._entered(symbol), how, parts)

    @rule(symbol=symbols, how=st.data(), parts=st.integers(1, 3))
    def sell(self, symbol: str, how: Any, parts: int) -> None:
        """An exit that goes as it should, likewise."""
        self._carry_out(self._left(symbol, Leg.STOP_LOSS), how, parts)

    @rule(symbol=symbols, how=st.data())
    def turn_round(self, symbol: str, how: Any) -> None:
        """In and out again, a second exit for what the first has left."""
        self._carry_out(self._entered(symbol), how, 2)
        for _ in range(2):
            self._carry_out(self._left(symbol, Leg.TAKE_PROFIT), how, 2)

    @precondition(lambda self: self._live())
    @rule(data=st.data())
    def send(self, data: Any) -> None:
        """Any order is handed to its sender."""
        self._send(data.draw(st.sampled_from(self._live())))

    @precondition(lambda self: self._working())
    @rule(data=st.data())
    def fill(self, data: Any) -> None:
        """The venue fills a part of any order."""
        self._fill(data.draw(st.sampled_from(self._working())), data)

    @precondition(lambda self: self._working())
    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        """The venue ends an order with what it has filled."""
        self.venue.cancel(data.draw(st.sampled_from(self._working())))

    @precondition(lambda self: self.venue.accepted)
    @rule(data=st.data(), old=st.booleans())
    def hear(self, data: Any, old: bool) -> None:
        """Somebody asks the venue about an order, and is told how it is, or how it was before."""
        name = data.draw(st.sampled_from(sorted(self.venue.orders)))
        told = self.told.setdefault(name, [])
        if old and told:
            self.venue.answers.append(data.draw(st.sampled_from(told)))
        else:
            told.append(self.venue.orders[name])
        self._hear(name)
        self.venue.answers.clear()

    @rule()
    def all_is_heard(self) -> None:
        """Every order of the venue's is settled: now the books can be held against it."""
        for name in sorted(self.venue.orders):
            self._settle(name)
        books = self.store.books()
        assert Fraction(books.cash) == self.cash
        for trade in books.trades.values():
            assert Fraction(trade.left) == self.coins.get(trade.id, 0)
            assert Fraction(trade.realised) == self.profit.get(trade.id, 0)
        for coin, held in self._held(books).items():
            assert self.venue.balance(coin) == held
        fills = [fill.venue_trade_id for report in self.venue.orders.values() for fill in report.fills]
        assert sorted(name for _, name in books.executions) == sorted(fills)

    @rule(days=st.sampled_from([0, 1]))
    def go_on(self, days: int) -> None:
        """A person looks at what the breaker has done, perhaps on another day."""
        self.at += timedelta(days=days, seconds=11)
        if self._account().state is not TradingState.ACTIVE:
            self.ports["ledger"].resume("looked at it", "ann", Breaker(), self.at)

    @invariant()
    def equity_adds_up(self) -> None:
        """It is cash and what is held at its price, to the last digit; what is reserved is what may still be paid."""
        if not self.prices:
            return
        account, books = self._account(), self.store.books()
        held = sum(Fraction(trade.left) * Fraction(self.prices[trade.symbol]) for trade in books.trades.values())
        assert Fraction(account.equity) == Fraction(books.cash) + held
        assert Fraction(account.exposure) == held
        entries = [order for order in books.orders.values() if order.leg is Leg.ENTRY and order.is_live]
        owed = sum(Fraction(order.price) * Fraction(order.amount - order.filled) for order in entries)
        assert Fraction(account.reserved) == owed

    @invariant()
    def terminal_states_absorb(self) -> None:
        """And nobody sells twice at a time."""
        orders = self.store.books().orders
        for name, state in self.ended.items():
            assert orders[name].state is state
        self.ended = {name: order.state for name, order in orders.items() if order.state in TERMINAL}
        leaving = [order.trade_id for order in orders.values() if order.is_live and order.leg is not Leg.ENTRY]
        assert len(leaving) == len(set(leaving))

    @invariant()
    def nobody_owes_anything(self) -> None:
        """Of no coin is less than nothing held."""
        assert all(trade.left >= 0 for trade in self._trades())
        assert all(balance >= 0 for coin, balance in self.venue.balances.items() if coin not in ("MX", "USDT"))

    def _entered(self, symbol: str) -> Order | None:
        """What a wish to buy became: it fits the limit, the cash with its fee, and the venue's rules."""
        before = self._account()
        order = self._approved(a_signal(self._key(), symbol=symbol, bar_end=self.at, found_at=self.at))
        if order is None:
            return None
        after, cost, instrument = self._account(), order.amount * order.price, RULES_OF[symbol]
        assert before.state is TradingState.ACTIVE
        assert symbol not in before.busy
        assert after.exposure + after.reserved <= after.equity * LIMIT
        assert cost * (1 + instrument.taker_fee) <= before.free
        assert after.reserved - before.reserved == cost
        assert _is_lawful(order, instrument)
        return order

    def _left(self, symbol: str, leg: Leg) -> Order | None:
        """What a wish to sell became: no more than the trade holds and the venue has, and nothing that it refuses."""
        wish = an_exit(self._key(), symbol=symbol, leg=leg, trade_id=None, bar_end=self.at, found_at=self.at)
        held = {trade.id: trade.left for trade in self._trades() if trade.status is TradeStatus.OPEN}
        order = self._approved(wish)
        if order is None:
            return None
        assert order.amount <= held[order.trade_id]
        assert order.amount <= self.venue.balance(symbol.partition("/")[0])
        assert _is_lawful(order, RULES_OF[symbol])
        return order

    def _carry_out(self, order: Order | None, how: Any, parts: int) -> None:
        """Send an order, fill it, and hear of each part."""
        if order is None:
            return
        self._send(order)
        for _ in range(parts):
            if order.client_order_id in {one.client_order_id for one in self._working()}:
                self._fill(order, how)
                self._hear(order.client_order_id)

    def _send(self, order: Order) -> None:
        """An approved order goes out, unless it is too old or an entry that may not be; others are not sent again."""
        taken, active = self.venue.accepted, self._account().state is TradingState.ACTIVE
        may = self.at < order.expires_at and (active or order.leg is not Leg.ENTRY)
        place_order(order.client_order_id, **self._steps(), lease=timedelta(seconds=8))
        assert self.venue.accepted == taken + (order.state is OrderState.APPROVED and may)

    def _fill(self, order: Order, how: Any) -> None:
        """A part of it, at its limit or better, for a fee in any coin."""
        share, gain, rate, fee_in = (how.draw(one) for one in (shares, gains, fee_rates, coins))
        instrument = RULES_OF[order.symbol]
        left = order.amount - self.venue.orders[order.client_order_id].filled
        amount = min(left, max(instrument.amount_step, instrument.floor_amount(left * share)))
        price = instrument.round_price(order.price * (1 - gain if order.side is Side.BUY else 1 + gain))
        sold = order.side is Side.SELL  # then nothing in base is got that a fee could be taken from
        asset = {"quote": instrument.quote, "base": "MX" if sold else instrument.base}.get(fee_in, fee_in)
        fee = (amount if asset == instrument.base else amount * price) * rate
        name = self.venue.orders[order.client_order_id].exchange_order_id
        one = Fill(f"fill-{next(self.numbers)}", name, order.symbol, order.side, price, amount, fee, asset, self.at)
        state = OrderState.FILLED if amount == left else OrderState.PARTIALLY_FILLED
        self.venue.fill(order.client_order_id, one, state=state)
        self._reckon(order, one)

    def _hear(self, name: str) -> None:
        """Settle it; what a sale has left is dust, and its trade over, if nobody could sell it."""
        placed, fills = self.venue.placed[name], self.venue.orders[name].fills
        was = self.store.books().trades[placed.trade_id]
        fresh = not self.venue.answers
        self._settle(name)
        trade = self.store.books().trades[placed.trade_id]
        if fresh and placed.side is Side.SELL and trade.sold_amount > was.sold_amount:
            instrument = RULES_OF[placed.symbol]
            assert (trade.status is TradeStatus.CLOSED) != _sellable(trade.left, fills[-1].price, instrument)

    def _reckon(self, order: Order, fill: Fill) -> None:
        instrument, number = RULES_OF[order.symbol], order.trade_id
        way = 1 if order.side is Side.BUY else -1
        paid = way * Fraction(fill.price) * Fraction(fill.amount)
        paid += Fraction(fill.commission) if fill.commission_asset == instrument.quote else 0
        got = way * Fraction(fill.amount)
        got -= Fraction(fill.commission) if fill.commission_asset == instrument.base else 0
        self.cash -= paid
        self.profit[number] = self.profit.get(number, Fraction(0)) - paid
        self.coins[number] = self.coins.get(number, Fraction(0)) + got
        coin = instrument.base
        self.venue.balances[coin] = self.venue.balance(coin) + way * fill.amount
        if fill.commission_asset == coin:
            self.venue.balances[coin] -= fill.commission

    def _held(self, books: Books) -> dict[str, Decimal]:
        held: dict[str, Decimal] = {}
        for trade in books.trades.values():
            coin = trade.symbol.partition("/")[0]
            held[coin] = held.get(coin, D(0)) + trade.left
        return held

    def _approved(self, signal: Any) -> Order | None:
        self.ports["signals"].save(signal)
        self._hear_prices()
        name = approve_signal(
            signal.key,
            **{port: self.ports[port] for port in ("signals", "ledger", "instruments", "prices", "announce")},
            free=self.venue.balance,
            rules=RULES,
            breaker=Breaker(),
            sizing=SIZING,
            order_type=OrderType.LIMIT,
            slippage=SLIPPAGE,
            exit_slippage=MOST_SLIPPAGE,
            time_to_live=timedelta(seconds=30),
            now=lambda: self.at,
        )
        return None if name is None else self.ports["orders"].get(name)

    def _settle(self, name: str) -> None:
        settle_order(
            name,
            **self._steps(),
            protection=Protection(),
            levels_changed=lambda: None,
            recv_window=timedelta(seconds=5),
            read_lag=timedelta(seconds=1),
            order_timeout=timedelta(days=9),
        )

    def _steps(self) -> dict[str, Any]:
        ports = {port: self.ports[port] for port in ("orders", "instruments", "announce")}
        return {**ports, "trading": self.venue, "hand_on": MemoryHandOn(), "now": lambda: self.at}

    def _account(self) -> Account:
        self._hear_prices()
        terms = {port: self.ports[port] for port in ("ledger", "prices", "announce")}
        return mark_equity(**terms, breaker=Breaker(), now=lambda: self.at)

    def _hear_prices(self) -> None:
        """The market prints all the time."""
        now_us = microseconds(self.at)
        self.ports["prices"].heard.update({symbol: (float(price), now_us) for symbol, price in self.prices.items()})

    def _key(self) -> str:
        return f"signal-{next(self.numbers)}"

    def _trades(self) -> list[Trade]:
        return list(self.store.books().trades.values())

    def _live(self) -> list[Order]:
        return [order for order in self.store.books().orders.values() if order.is_live]

    def _working(self) -> list[Order]:
        """Orders that the venue may still fill."""
        return [self.venue.placed[name] for name, one in self.venue.orders.items() if one.state not in TERMINAL]


def _is_lawful(order: Order, instrument: Instrument) -> bool:
    """Whether the venue takes it."""
    notional = order.amount * order.price
    return (
        order.amount % instrument.amount_step == 0
        and order.price % instrument.price_step == 0
        and order.amount >= instrument.min_amount
        and instrument.min_notional <= notional <= (instrument.max_notional or notional)
    )


def _sellable(amount: Decimal, price: Decimal, instrument: Instrument) -> bool:
    """Whether there is an order of so much or less that the venue takes."""
    most = amount // instrument.amount_step * instrument.amount_step
    return most > 0 and most >= instrument.min_amount and most * price >= instrument.min_notional


def run_machine(opened: Callable[[], Store], examples: int) -> None:
    made: Any = partial(Desk, opened)
    run_state_machine_as_test(made, settings=settings(often(examples), stateful_step_count=40, phases=QUICK))


def test_money_in_memory_adds_up() -> None:
    run_machine(in_memory, examples=200)


def test_money_on_sqlite_adds_up(another_on_sqlite: Callable[[], Store]) -> None:
    run_machine(another_on_sqlite, examples=6)
