"""How much to buy: never more than the limits, balance and the venue allow, and on the venue's grid."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.market import Instrument
from app.domain.risk import Account, TradingState
from app.domain.sizing import Sizing
from tests.fixtures.memory.builders import an_instrument

MUCH = Decimal(10_000)
RICH = Account(TradingState.ACTIVE, cash=MUCH, equity=MUCH, day_open=MUCH, day_high=MUCH)
money = st.decimals("0", "100000", places=4)
accounts = st.builds(
    lambda cash, equity, exposure, reserved: replace(
        RICH, cash=cash, equity=equity, exposure=exposure, reserved=reserved
    ),
    money,
    money,
    money,
    money,
)
instruments = st.builds(
    lambda step, least, most, fee: an_instrument(
        amount_step=Decimal(1).scaleb(-step), min_notional=least, max_notional=most, taker_fee=fee
    ),
    st.integers(0, 8),
    st.decimals("0", "20", places=2),
    st.none() | st.decimals("1", "2000", places=2),
    st.decimals("0", "0.01", places=4),
)


def test_an_entry_takes_its_share_of_equity() -> None:
    assert Sizing().amount(RICH, Decimal(100), an_instrument()) == Decimal(5)


def test_it_is_floored_to_the_step() -> None:
    assert Sizing().amount(RICH, Decimal(300), an_instrument()) == Decimal("1.666")


@pytest.mark.parametrize(
    ("change", "amount"),
    [
        ({"exposure": Decimal(2000), "reserved": Decimal(900)}, "1"),  # 100 left of the 3,000 that may be exposed
        ({"exposure": Decimal(3000)}, "0"),
        ({"cash": Decimal("50.1"), "reserved": Decimal(0)}, "0.5"),  # 50.1 pays for 50 and its fee
        ({"cash": Decimal(-1)}, "0"),
        ({"equity": Decimal(100)}, "0"),  # a share of 5 is below the smallest trade of 10
    ],
)
def test_limits_and_balance_make_it_smaller_or_nothing(change: dict[str, Any], amount: str) -> None:
    assert Sizing().amount(replace(RICH, **change), Decimal(100), an_instrument()) == Decimal(amount)


def test_the_venues_largest_order_makes_it_smaller() -> None:
    assert Sizing().amount(RICH, Decimal(100), an_instrument(max_notional=Decimal(40))) == Decimal("0.4")


def test_below_the_venues_smallest_amount_it_is_nothing() -> None:
    assert Sizing().amount(RICH, Decimal(100), an_instrument(min_amount=Decimal(6))) == 0


@given(account=accounts, price=st.decimals("0.01", "100000", places=2), instrument=instruments)
def test_no_size_crosses_a_limit(account: Account, price: Decimal, instrument: Instrument) -> None:
    sizing = Sizing()
    amount = sizing.amount(account, price, instrument)
    cost = amount * price

    assert amount >= 0
    assert amount % instrument.amount_step == 0
    if amount:
        assert account.exposure + account.reserved + cost <= account.equity * sizing.max_exposure
        assert cost * (1 + instrument.taker_fee) <= account.free + Decimal("1e-20")
        assert max(sizing.min_notional, instrument.min_notional) <= cost <= sizing.max_notional
        assert instrument.max_notional is None or cost <= instrument.max_notional
        assert amount >= instrument.min_amount


@given(account=accounts, price=st.decimals("0.01", "100000", places=2), instrument=instruments)
def test_no_larger_size_was_possible(account: Account, price: Decimal, instrument: Instrument) -> None:
    sizing = Sizing()
    amount = sizing.amount(account, price, instrument)
    step = Fraction(instrument.amount_step)
    least = Fraction(max(sizing.min_notional, instrument.min_notional))
    smallest = max(ceil(Fraction(instrument.min_amount) / step), ceil(least / (Fraction(price) * step))) * step

    cost = Fraction(price) * (Fraction(amount) + step if amount else smallest)

    room = Fraction(account.equity) * Fraction(sizing.max_exposure) - Fraction(account.exposure + account.reserved)
    assert (
        cost > room
        or cost > Fraction(account.equity) * Fraction(sizing.share)
        or cost > sizing.max_notional
        or cost > (instrument.max_notional or cost)
        or cost * (1 + Fraction(instrument.taker_fee)) > account.free
    )


def test_a_size_never_rounds_up_in_the_last_digit() -> None:
    sizing = Sizing(Decimal(1), Decimal(1), Decimal("9.999799999999999999999999999"), Decimal(1))

    assert sizing.amount(RICH, Decimal("4.9999"), an_instrument(amount_step=Decimal(1))) == 1


@pytest.mark.parametrize("wrong", [{"share": Decimal(0)}, {"share": Decimal(2)}, {"max_exposure": Decimal("1.1")}])
def test_a_share_that_is_none_is_refused(wrong: dict[str, Decimal]) -> None:
    with pytest.raises(ValueError, match="shares must be within"):
        Sizing(**wrong)


@pytest.mark.parametrize("wrong", [{"min_notional": Decimal(0)}, {"min_notional": Decimal(2000)}])
def test_sizes_the_wrong_way_round_are_refused(wrong: dict[str, Decimal]) -> None:
    with pytest.raises(ValueError, match="does not hold"):
        Sizing(**wrong)
