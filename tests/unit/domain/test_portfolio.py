"""What fills do to a trade and to the cash: adds up to the last digit, whatever coin the fee is in."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.domain.orders import Fill, Side
from app.domain.portfolio import Trade, TradeStatus, book, fee_in_quote, is_dust, pass_on
from app.domain.risk import ZERO
from tests.fixtures.memory.builders import NOON, a_fill, an_instrument

INSTRUMENT = an_instrument()
LATER, FEE = NOON + timedelta(seconds=1), Decimal("0.05")
PENDING = Trade(1, "BTC/USDT", "momentum", TradeStatus.PENDING, NOON)
prices = st.decimals("0.01", "100000", places=2)
amounts = st.decimals("0.001", "1000", places=3)
assets = st.sampled_from(["USDT", "BTC", "MX"])


def fill(side: Side, price: Decimal, amount: Decimal, asset: str) -> Fill:
    fee = {"USDT": price * amount, "BTC": amount, "MX": Decimal(1)}[asset] * Decimal("0.0005")
    return a_fill(side=side, price=price, amount=amount, commission=fee, commission_asset=asset)


fills = st.lists(st.builds(fill, st.sampled_from(Side), prices, amounts, assets), max_size=12)


def sell(amount: str, price: str = "110", **changes: Any) -> Fill:
    return a_fill(side=Side.SELL, amount=Decimal(amount), price=Decimal(price), **changes)


def _bought(number: int) -> Trade:
    """One BTC bought at 100."""
    return book(replace(PENDING, id=number), a_fill(f"fill-{number}"), INSTRUMENT, NOON).trade


def test_an_entry_opens_the_trade_and_costs_its_notional_and_fee() -> None:
    trade, cash = _booked(PENDING, a_fill())

    assert trade.status is TradeStatus.OPEN
    assert trade.size == trade.left == 1
    assert trade.entry_price == trade.peak == Decimal(100)
    assert cash == Decimal("-100.05")


def test_two_fills_have_one_entry_price_weighted_by_amount() -> None:
    trade, _ = _booked(PENDING, a_fill(), a_fill("fill-2", price=Decimal(103), amount=Decimal(2)))

    assert trade.entry_price == Decimal(102)
    assert trade.peak == Decimal(103)


def test_a_fee_in_the_bought_coin_leaves_less_to_hold_and_costs_no_cash() -> None:
    trade, cash = _booked(PENDING, a_fill(commission=Decimal("0.001"), commission_asset="BTC"))

    assert trade.left == trade.size == Decimal("0.999")
    assert cash == -100
    assert trade.fees == 0


def test_an_exit_closes_the_trade_with_its_profit_after_fees() -> None:
    trade, cash = _booked(PENDING, a_fill(), sell("1", commission=Decimal("0.055")))

    assert trade.status is TradeStatus.CLOSED
    assert trade.closed_at == NOON
    assert trade.exit_price == Decimal(110)
    assert trade.left == 0
    assert trade.realised == cash == Decimal("9.895")


def test_a_part_that_is_sold_leaves_the_trade_open() -> None:
    trade, _ = _booked(PENDING, a_fill(), sell("0.4"))

    assert trade.status is TradeStatus.OPEN
    assert trade.closed_at is None
    assert trade.value(Decimal(200)) == Decimal(120)


def test_what_nobody_can_sell_closes_as_dust() -> None:
    trade, _ = _booked(PENDING, a_fill(), sell("0.9999"))

    assert trade.status is TradeStatus.CLOSED
    assert trade.left == Decimal("0.0001")


def test_a_late_entry_fill_opens_a_closed_trade_again() -> None:
    trade, _ = _booked(PENDING, a_fill(), sell("1"), a_fill("late"))

    assert trade.status is TradeStatus.OPEN
    assert trade.closed_at is None


@given(fills)
def test_a_trades_cash_flow_is_the_accounts_to_the_last_digit(several: list[Fill]) -> None:
    with localcontext(prec=60):
        trade, cash = _booked(PENDING, *several)

        assert trade.realised == cash


@given(bought=fills, mark=prices)
def test_cash_and_value_together_lose_nothing_but_the_fees(bought: list[Fill], mark: Decimal) -> None:
    """Everything bought and marked at one price is worth what it cost, less the fees in cash and in coin."""
    entries = [replace(one, side=Side.BUY, price=mark) for one in bought if one.commission_asset != "MX"]
    with localcontext(prec=60):
        trade, cash = _booked(PENDING, *entries)
        paid = sum((fee_in_quote(one, INSTRUMENT) for one in entries), Decimal(0))

        assert cash + trade.value(mark) == -paid


@given(fills)
def test_nothing_is_ever_held_below_zero(several: list[Fill]) -> None:
    assert _booked(PENDING, *several)[0].left >= 0


@given(st.permutations([a_fill(), a_fill("late", amount=Decimal("0.5")), sell("1.2"), sell("0.2")]))
def test_fills_that_come_out_of_order_leave_the_same_position(several: list[Fill]) -> None:
    trade, _ = _booked(PENDING, *several)

    assert trade.left == Decimal("0.1")
    assert trade.status is TradeStatus.OPEN


def test_an_entry_that_is_booked_after_its_exit_does_not_open_the_trade() -> None:
    sold, _ = _booked(PENDING, sell("1"))
    trade, _ = _booked(sold, a_fill(at=NOON + timedelta(seconds=1)))

    assert trade.status is TradeStatus.CLOSED
    assert trade.left == 0
    assert trade.closed_at == NOON


def test_what_a_trade_sold_beyond_what_it_held_are_sales_of_the_other_and_the_proceeds_are_the_others() -> None:
    first, second = _bought(1), _bought(2)
    second, cash = _booked(second, sell("1"), sell("0.4", "90"))
    assert second.overdrawn == Decimal("0.4")

    [passed] = pass_on([first, second], sell("0.4", "90"), INSTRUMENT)

    assert (passed.seller.id, passed.holder.id, passed.amount) == (2, 1, Decimal("0.4"))
    assert (passed.seller.overdrawn, passed.seller.left, passed.seller.status) == (ZERO, ZERO, TradeStatus.CLOSED)
    assert (passed.holder.left, passed.holder.status) == (Decimal("0.6"), TradeStatus.OPEN)
    assert passed.holder.sold == Decimal("41.71428571")  # 0.4 at the average of 110 and 90
    assert passed.seller.sold + passed.holder.sold == Decimal("146.0")
    assert passed.seller.realised + passed.holder.realised == cash - 200 - 2 * FEE


def test_a_trade_whose_last_coins_another_has_sold_is_closed() -> None:
    first, _ = _booked(_bought(1), sell("0.4"))
    second, _ = _booked(_bought(2), sell("1.6", at=LATER))

    [passed] = pass_on([first, second], sell("1.6", at=LATER), INSTRUMENT)

    assert (passed.holder.left, passed.holder.status, passed.holder.closed_at) == (ZERO, TradeStatus.CLOSED, LATER)


def test_coins_of_open_trades_were_sold_before_the_dust_of_closed_ones_and_of_the_oldest_first() -> None:
    dust, _ = _booked(_bought(1), sell("0.9996"))
    seller, _ = _booked(_bought(4), sell("2.5003"))

    passed = list(pass_on([dust, _bought(3), seller, _bought(2)], sell("2.5003"), INSTRUMENT))

    shares = [(one.holder.id, one.amount) for one in passed]
    assert shares == [(2, Decimal(1)), (3, Decimal("0.5003"))]


def test_dust_of_a_closed_trade_was_sold_where_no_other_held_anything() -> None:
    dust, _ = _booked(_bought(1), sell("0.9996"))
    seller, _ = _booked(_bought(2), sell("1.001", at=LATER))

    [passed] = pass_on([dust, seller], sell("1.001", at=LATER), INSTRUMENT)

    assert (passed.holder.left, passed.holder.status, passed.holder.closed_at) == (ZERO, TradeStatus.CLOSED, NOON)
    assert passed.seller.overdrawn == Decimal("0.0006")


def test_what_nobody_is_known_to_have_held_stays_with_the_seller_until_it_is() -> None:
    seller, _ = _booked(_bought(1), sell("1.5"))
    assert list(pass_on([seller], sell("1.5"), INSTRUMENT)) == []

    [passed] = pass_on([seller, _bought(2)], a_fill(), INSTRUMENT)

    assert (passed.holder.id, passed.holder.left, passed.seller.overdrawn) == (2, Decimal("0.5"), ZERO)


def test_a_trade_that_bought_nothing_passes_all_of_its_sales_on() -> None:
    seller, _ = _booked(PENDING, sell("0.3"))

    [passed] = pass_on([seller, _bought(2)], sell("0.3"), INSTRUMENT)

    assert (passed.seller.sold, passed.seller.sold_amount, passed.seller.exit_price) == (ZERO, ZERO, None)
    assert (passed.holder.sold, passed.holder.exit_price) == (Decimal(33), Decimal(110))


@given(several=st.lists(st.tuples(st.integers(1, 4), st.builds(fill, st.sampled_from(Side), prices, amounts, assets))))
def test_together_trades_hold_what_was_bought_and_not_sold_and_their_money_is_the_accounts(
    several: list[tuple[int, Fill]],
) -> None:
    with localcontext(prec=60):
        trades = {number: replace(PENDING, id=number) for number in range(1, 5)}
        cash = Decimal(0)
        for number, one in several:
            booking = book(trades[number], one, INSTRUMENT, one.at)
            trades[number], cash = booking.trade, cash + booking.cash
            for passed in pass_on(trades.values(), one, INSTRUMENT):
                trades |= {passed.seller.id: passed.seller, passed.holder.id: passed.holder}

        owned = sum((trade.size - trade.sold_amount for trade in trades.values()), Decimal(0))
        assert sum((trade.left for trade in trades.values()), Decimal(0)) == max(owned, Decimal(0))
        assert sum((trade.realised for trade in trades.values()), Decimal(0)) == cash
        assert all(trade.left >= 0 for trade in trades.values())


def test_a_fee_is_valued_at_the_fill_and_one_in_a_third_coin_is_not() -> None:
    in_base = a_fill(commission=Decimal("0.01"), commission_asset="BTC")

    assert fee_in_quote(in_base, INSTRUMENT) == 1
    assert fee_in_quote(a_fill(), INSTRUMENT) == Decimal("0.05")
    assert fee_in_quote(a_fill(commission_asset="MX"), INSTRUMENT) == 0


def test_dust_is_below_a_step_the_smallest_amount_or_the_smallest_notional() -> None:
    strict = replace(INSTRUMENT, min_amount=Decimal("0.01"))

    assert is_dust(Decimal("0.0009"), Decimal(10**6), replace(INSTRUMENT, min_amount=Decimal(0)))
    assert is_dust(Decimal("0.009"), Decimal(10**6), strict)
    assert is_dust(Decimal("0.01"), Decimal(99), strict)
    assert not is_dust(Decimal("0.01"), Decimal(100), strict)


def _booked(trade: Trade, *several: Fill) -> tuple[Trade, Decimal]:
    cash = Decimal(0)
    for one in several:
        booking = book(trade, one, INSTRUMENT, one.at)
        trade, cash = booking.trade, cash + booking.cash
    return trade, cash
