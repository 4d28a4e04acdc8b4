"""Stops and targets: where they stand after an entry, and what a price does to them."""

from dataclasses import replace
from decimal import Decimal
from math import inf, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.orders import Leg
from app.domain.portfolio import Trade, TradeStatus
from app.domain.protection import Level, Protection, calm, rest_after
from tests.fixtures.memory.builders import NOON, a_signal

OPEN = Trade(1, "BTC/USDT", "momentum", TradeStatus.OPEN, NOON, entry_price=Decimal(100))
LEVEL = Level(1, "BTC/USDT", stop=98.0, take=104.0, trail=0.01, peak=102.0)
prices = st.floats(0.01, 1e6)
levels = st.builds(
    Level,
    st.just(1),
    st.just("BTC/USDT"),
    st.none() | prices,
    st.none() | prices,
    st.none() | st.floats(0.001, 0.5),
    prices,
)


def test_levels_are_reckoned_from_the_entry_price() -> None:
    trade = Protection(trailing_stop=Decimal("0.03")).protect(OPEN)

    assert (trade.stop_price, trade.take_price, trade.trail) == (Decimal(98), Decimal(104), Decimal("0.03"))


def test_after_each_exit_that_failed_a_trade_rests_twice_as_long_up_to_a_minute() -> None:
    rests = [rest_after(attempts).total_seconds() for attempts in (0, 1, 2, 3, 7, 8, 1000)]

    assert rests == [0, 0.5, 1, 2, 32, 60, 60]


def test_none_is_none() -> None:
    trade = Protection(stop_loss=None, take_profit=None).protect(OPEN)

    assert (trade.stop_price, trade.take_price, trade.trail) == (None, None, None)


def test_a_trade_that_bought_nothing_has_nothing_to_protect() -> None:
    pending = replace(OPEN, entry_price=None)

    assert Protection().protect(pending) == pending


@pytest.mark.parametrize(
    ("price", "leg"),
    [
        (98.0, Leg.STOP_LOSS),
        (97.0, Leg.STOP_LOSS),
        (98.01, Leg.TRAILING_STOP),
        (100.98, Leg.TRAILING_STOP),
        (101.0, None),
        (103.99, None),
        (104.0, Leg.TAKE_PROFIT),
    ],
)
def test_a_price_hits_the_stop_then_the_trail_then_the_target(price: float, leg: Leg | None) -> None:
    assert LEVEL.hit(price) == leg


def test_a_trade_rests_until_its_time_has_come() -> None:
    resting = replace(LEVEL, rests_until_us=7)

    assert [resting.rests(at_us) for at_us in (6, 7, 8)] == [True, False, False]


@given(price=prices)
def test_without_levels_no_price_hits(price: float) -> None:
    assert replace(LEVEL, stop=None, take=None, trail=None).hit(price) is None


@given(level=levels, several=st.lists(prices))
def test_a_peak_is_the_highest_price_and_never_falls(level: Level, several: list[float]) -> None:
    risen = level
    for price in several:
        risen = risen.risen(price)

    assert risen.peak == max([level.peak, *several])
    assert replace(risen, peak=level.peak) == level


@given(level=levels, price=prices, lower=st.floats(0.1, 1.0))
def test_whoever_leaves_at_a_price_for_a_stop_leaves_at_a_lower_one_too(
    level: Level, price: float, lower: float
) -> None:
    stops = {Leg.STOP_LOSS, Leg.TRAILING_STOP}

    if level.hit(price) in stops:
        assert level.hit(price * lower) in stops


@pytest.mark.parametrize("wrong", [{"stop_loss": Decimal(0)}, {"stop_loss": Decimal(2)}, {"trailing_stop": Decimal(1)}])
def test_a_stop_that_is_no_share_is_refused(wrong: dict[str, Decimal]) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        Protection(**wrong)


def test_a_target_below_the_entry_is_refused() -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Protection(take_profit=Decimal("-0.01"))


@given(st.lists(levels, max_size=3), prices)
def test_a_price_in_the_calm_does_nothing_to_any_level(several: list[Level], price: float) -> None:
    low, high = calm(several)
    if low < price <= high:
        assert all(one.hit(price) is None and one.risen(price) is one for one in several)


def test_between_its_stops_and_its_peak_a_level_is_calm() -> None:
    assert calm([LEVEL]) == (102.0 * (1 - 0.01), 102.0)
    assert calm([LEVEL, replace(LEVEL, trail=None, take=101.5)]) == (102.0 * (1 - 0.01), nextafter(101.5, 0))
    assert calm([replace(LEVEL, trail=None, take=None)]) == (98.0, 102.0)


def test_what_is_to_be_left_is_never_calm_and_what_holds_nothing_always() -> None:
    low, high = calm([replace(LEVEL, wish=a_signal("sell"))])

    assert low > high
    assert calm([]) == (-inf, inf)
