"""Ticks, bars and instruments: what is refused, and exact arithmetic on grids of price, amount and time."""

from datetime import datetime
from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.market import (
    Bar,
    Tick,
    bar_end_us,
    flaw,
    floor_to,
    instant,
    instant_text,
    interval_seconds,
    microseconds,
)
from tests.fixtures.memory.builders import NOON, an_instrument

GOOD = Tick("BTC/USDT", 1, 100.0, 1.0, "buy")
steps = st.integers(0, 12).map(lambda places: Decimal(1).scaleb(-places))
amounts = st.decimals("0.000000000001", "1000000", places=12)


def test_a_sound_tick_has_no_flaw() -> None:
    assert flaw(GOOD) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"price": nan}, "price nan"),
        ({"price": inf}, "price inf"),
        ({"price": -1.0}, "price -1.0"),
        ({"price": 0.0}, "price 0.0"),
        ({"quantity": nan}, "quantity nan"),
        ({"quantity": -0.5}, "quantity -0.5"),
        ({"time_us": 0}, "time 0"),
        ({"side": "hold"}, "side 'hold'"),
    ],
)
def test_a_tick_that_cannot_be_says_why(change: dict[str, Any], said: str) -> None:
    assert said in str(flaw(GOOD._replace(**change)))


def a_bar(close: float = 2.0) -> Bar:
    return Bar("BTC/USDT", "1m", NOON, 1.0, 3.0, 0.5, close, 10.0, ticks=4)


def test_a_bar_crosses_the_broker_as_symbol_interval_and_end() -> None:
    assert tuple(a_bar().key) == ("BTC/USDT", "1m", "2024-11-20T12:00:00Z")


def test_a_fingerprint_tells_bars_apart_by_their_figures() -> None:
    assert a_bar().fingerprint == a_bar().fingerprint
    assert a_bar().fingerprint != a_bar(close=2.0000001).fingerprint


@pytest.mark.parametrize("change", [{"price_step": Decimal(0)}, {"amount_step": Decimal(0)}])
def test_an_instrument_without_a_step_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="steps must be positive"):
        an_instrument(**change)


def test_an_amount_is_floored_and_a_price_rounded_to_the_grid() -> None:
    instrument = an_instrument()

    assert instrument.floor_amount(Decimal("1.2349")) == Decimal("1.234")
    assert instrument.round_price(Decimal("100.006")) == Decimal("100.01")


def test_a_price_never_rounds_to_nothing() -> None:
    assert an_instrument().round_price(Decimal("0.0001")) == Decimal("0.01")


@given(value=amounts, step=steps)
def test_a_floor_is_on_the_grid_and_less_than_one_step_below(value: Decimal, step: Decimal) -> None:
    floored = floor_to(value, step)

    assert floored % step == 0
    assert floored <= value < floored + step


def test_a_floor_never_rounds_up_in_the_last_digit() -> None:
    nearly_two_steps = Decimal("9.999799999999999999999999999")

    assert floor_to(nearly_two_steps, Decimal("4.9999")) == Decimal("4.9999")


@pytest.mark.parametrize(("interval", "seconds"), [("1s", 1), ("5m", 300), ("4h", 14400), ("1d", 86400)])
def test_an_interval_has_seconds(interval: str, seconds: int) -> None:
    assert interval_seconds(interval) == seconds


@pytest.mark.parametrize("nonsense", ["", "m", "0m", "1", "1w", "-1m", "1.5m", "1m "])
def test_an_interval_that_is_none_says_how_to_write_one(nonsense: str) -> None:
    with pytest.raises(ValueError, match="such as 1m"):
        interval_seconds(nonsense)


@given(time_us=st.integers(0, 2**51), seconds=st.sampled_from([1, 60, 3600, 86400]))
def test_an_instant_falls_into_the_one_interval_that_ends_after_it(time_us: int, seconds: int) -> None:
    interval_us = seconds * 1_000_000
    end = bar_end_us(time_us, interval_us)

    assert end % interval_us == 0
    assert end - interval_us <= time_us < end


@given(time_us=st.integers(0, 2**52))
def test_time_survives_datetime_and_text_exactly(time_us: int) -> None:
    at = instant(time_us)

    assert microseconds(at) == time_us
    assert datetime.fromisoformat(instant_text(at)) == at
