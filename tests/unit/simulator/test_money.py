"""Whatever is ordered, printed and cancelled: no balance below zero, and nothing made or lost but fees."""

from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.domain.orders import Side
from app.simulator.account import Account, Balance, Fees, Insufficient
from app.simulator.catalogue import listing
from app.simulator.clock import Clock
from app.simulator.desk import Desk, Entry
from app.simulator.errors import Refusal
from app.simulator.faults import Faults
from app.simulator.journal import BrokenJournal, Journal
from app.simulator.market import Print
from app.simulator.matching import ZERO, Kind
from app.simulator.synthetic import Synthetic
from app.simulator.venue import Terms, Venue

D = Decimal
SYMBOL = "BTCUSDT"
NOW_US = 1_763_800_000_000_000


def a_venue(
    *, usdt: str = "10000", in_base: bool = False, journal: Path | None = None, terms: Terms | None = None
) -> tuple[Venue, Desk]:
    """One symbol that prints nothing by itself, at a time that stands still."""
    clock = Clock(lambda: NOW_US)
    market = Synthetic([listing("BTC/USDT", 0)], seed=1, ticks_per_s=0, start_ms=clock.now_ms())
    fees = Fees(D("0.001"), D("0.002"), in_base=in_base)
    account, written = Account({"USDT": D(usdt)}, fees), Journal(journal)
    written.load(account, clock.now_ms())
    venue = Venue(market, account, written, clock, terms or Terms(fees=fees), Faults())
    return venue, Desk(venue)


def a_print(price: str, quantity: str = "1", side: str = "buy") -> Print:
    return Print(SYMBOL, NOW_US // 1000, D(price), D(quantity), side, "1")


class TooLittle(Exception):
    """The order or the balance is too small."""


def place(desk: Desk, entry: Entry) -> None:
    try:
        desk.place(entry)
    except Refusal as refusal:
        if refusal.code in (30002, 30004):
            raise TooLittle from refusal
        raise


class Trading(RuleBasedStateMachine):
    """Orders of every kind against a market that goes anywhere, fees in quote or base."""

    def __init__(self) -> None:
        super().__init__()
        self.venue, self.desk = a_venue(in_base=False)
        self.bought = self.sold = D(0)

    @rule(
        side=st.sampled_from(list(Side)),
        kind=st.sampled_from(list(Kind)),
        quantity=st.decimals("0.0001", "0.3", places=6),
        price=st.decimals("50000", "70000", places=2),
        budget=st.one_of(st.none(), st.decimals("1", "5000", places=2)),
        in_base=st.booleans(),
    )
    def order(self, side: Side, kind: Kind, quantity: D, price: D, budget: D | None, in_base: bool) -> None:
        if in_base:
            self.venue.faults.switch_on({"fault": "fee_in_base", "times": 1}, NOW_US)
        by_budget = kind is Kind.MARKET and budget is not None
        entry = Entry(
            SYMBOL,
            side,
            kind,
            quantity=None if by_budget else quantity,
            price=None if kind is Kind.MARKET else price,
            budget=budget if by_budget else None,
        )
        with suppress(TooLittle):
            place(self.desk, entry)
        self.venue.faults.clear()

    @rule(price=st.decimals("50000", "70000", places=2), quantity=st.decimals("0.0001", "0.5", places=6))
    def market_moves(self, price: D, quantity: D) -> None:
        self.venue.take(a_print(str(price), str(quantity)))

    @rule(number=st.integers(0, 5))
    def cancel(self, number: int) -> None:
        working = list(self.venue.account.resting(SYMBOL))
        if number < len(working):
            self.desk.cancel(SYMBOL, working[number].id, None)

    @invariant()
    def no_balance_is_below_zero(self) -> None:
        for balance in self.venue.account.balances.values():
            assert balance.free >= 0
            assert balance.locked >= 0

    @invariant()
    def what_is_locked_is_what_orders_hold(self) -> None:
        account = self.venue.account
        for asset, side in (("USDT", Side.BUY), ("BTC", Side.SELL)):
            held = sum((order.locked for order in account.resting(SYMBOL) if order.side is side), ZERO)
            assert account.balance(asset).locked == held

    @invariant()
    def every_balance_is_what_was_traded_less_fees(self) -> None:
        usdt, btc = D(10_000), D(0)
        for trade in self.venue.account.trades[SYMBOL]:
            sign = 1 if trade.side is Side.BUY else -1
            usdt -= sign * trade.quote
            btc += sign * trade.quantity
            usdt -= trade.fee if trade.fee_asset == "USDT" else ZERO
            btc -= trade.fee if trade.fee_asset == "BTC" else ZERO
        account = self.venue.account
        assert account.balance("USDT").free + account.balance("USDT").locked == usdt
        assert account.balance("BTC").free + account.balance("BTC").locked == btc

    @invariant()
    def every_order_is_filled_as_its_trades_say(self) -> None:
        account = self.venue.account
        for order in account.orders.values():
            fills = [trade.quantity for trade in account.trades[SYMBOL] if trade.order_id == order.id]
            assert sum(fills, ZERO) == order.executed <= order.quantity


TestTrading = Trading.TestCase
TestTrading.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_a_balance_cannot_be_below_zero() -> None:
    with pytest.raises(Insufficient):
        Balance(D(-1))


def test_fees_cannot_be_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        Fees(maker=D(-1))


def test_a_fill_at_a_better_price_gives_back_what_was_held_too_much() -> None:
    venue, desk = a_venue()
    venue.take(a_print("60000"))
    order = desk.place(Entry(SYMBOL, Side.BUY, Kind.LIMIT, D("0.1"), D("60500")))
    assert order is not None
    spent = venue.account.orders[order.id].executed_quote
    assert venue.account.balance("USDT") == Balance(D(10_000) - spent * D("1.002"), D(0))


def test_no_more_orders_work_than_are_allowed() -> None:
    _, desk = a_venue(terms=Terms(open_orders=2))
    for _ in range(2):
        desk.place(Entry(SYMBOL, Side.BUY, Kind.LIMIT, D("0.001"), D(50_000)))
    with pytest.raises(Refusal) as refused:
        desk.place(Entry(SYMBOL, Side.BUY, Kind.LIMIT, D("0.001"), D(50_000)))
    assert refused.value.code == 30029


def test_an_old_order_is_forgotten_by_a_restart_unless_it_still_works(tmp_path: Path) -> None:
    path = tmp_path / "account.jsonl"
    venue, desk = a_venue(journal=path)
    working = desk.place(Entry(SYMBOL, Side.BUY, Kind.LIMIT, D("0.001"), D(50_000), client_id="WORKING"))
    ended = desk.place(Entry(SYMBOL, Side.BUY, Kind.IOC, D("0.001"), D(50_000), client_id="ENDED"))
    venue.journal.close()
    assert working is not None
    assert ended is not None

    later = Account({"USDT": D(1)}, Fees())
    journal = Journal(path)
    journal.load(later, NOW_US // 1000 + 40 * 86_400_000)
    journal.close()
    assert list(later.orders) == [working.id]
    assert later.balance("USDT") == venue.account.balance("USDT")
    assert len(path.read_text().splitlines()) == 1


def test_a_journal_that_is_broken_in_the_middle_says_where(tmp_path: Path) -> None:
    path = tmp_path / "account.jsonl"
    path.write_text("{}\nnonsense\n{}\n")
    with pytest.raises(BrokenJournal, match="line 2"):
        a_venue(journal=path)
