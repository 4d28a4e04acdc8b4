"""Momentum's figures are those of the library `ta` and of pandas, bit by bit: written past them, never beside them."""

from collections.abc import Iterator
from math import inf
from typing import Any

import numpy
import pandas
import pytest
import ta
from pandas import DataFrame, Series

from app import indicators
from app.indicators import ema, rsi, sma, unlike_ta
from app.strategies.momentum import Strategy
from tests.contracts.strategy import a_walk
from tests.fixtures.recorded import CANDLES, candles
from tests.unit.strategies.test_real_trades import bars_of_a_second

VARIANTS: list[dict[str, Any]] = [
    {},
    {"average": "sma"},
    {"fast": 12, "slow": 26, "trend": 200, "rsi": 9, "spike_within": 1},
    {"fast": 2, "slow": 3, "trend": 2, "rsi": 2, "volume": 2, "spike_within": 40},
]


def plainly(one: Strategy, bars: DataFrame) -> DataFrame:
    """Each figure as `ta` and pandas give it, with nothing in between."""
    close, volume = bars["close"], bars["volume"]
    average = ta.trend.sma_indicator if one.average == "sma" else ta.trend.ema_indicator
    fast, slow = average(close, one.fast), average(close, one.slow)
    usual = ta.trend.sma_indicator(volume, one.volume)
    ratio = volume / usual.replace(0.0, inf)
    return DataFrame(
        {
            "close": close,
            "fast": fast,
            "slow": slow,
            "spread": fast / slow - 1,
            "trend": ta.trend.sma_indicator(close, one.trend),
            "rsi": ta.momentum.rsi(close, one.rsi),
            "volume": volume,
            "volume_average": usual,
            "volume_ratio": ratio.rolling(one.spike_within).max(),
        }
    )


def odd_markets() -> Iterator[DataFrame]:
    """Flat ones, ones that only rise or fall, that trade nothing now and then, huge, tiny, and of very few bars."""
    chance = numpy.random.default_rng(7)
    walk = a_walk(seed=7)
    yield walk.assign(close=0.1 + 0.2)
    yield walk.assign(close=numpy.linspace(100, 200, len(walk)))
    yield walk.assign(close=numpy.linspace(200, 100, len(walk)))
    yield walk.assign(volume=walk["volume"].where(chance.random(len(walk)) < 0.1, 0.0))
    yield walk.assign(volume=0.0)
    yield walk * 1e12
    yield walk * 1e-12
    yield walk.assign(close=walk["close"].round(1))
    for few in (1, 2, 3, 14, 15, 50):
        yield walk.iloc[:few]


def exactly_the_same(one: Strategy, bars: DataFrame) -> None:
    pandas.testing.assert_frame_equal(one.indicators(bars), plainly(one, bars), check_exact=True, check_freq=False)


@pytest.mark.parametrize("parameters", VARIANTS, ids=str)
@pytest.mark.parametrize("seed", range(20))
def test_random_windows_give_the_figures_of_plain_ta(parameters: dict[str, Any], seed: int) -> None:
    one = Strategy(**parameters)
    walk = a_walk(seed)
    first = int(numpy.random.default_rng(seed).integers(0, len(walk) - one.window))

    exactly_the_same(one, walk)
    exactly_the_same(one, walk.iloc[first : first + one.window])


@pytest.mark.parametrize("parameters", VARIANTS, ids=str)
def test_odd_markets_give_the_figures_of_plain_ta(parameters: dict[str, Any]) -> None:
    for bars in odd_markets():
        exactly_the_same(Strategy(**parameters), bars)


@pytest.mark.skipif(not CANDLES, reason="recorded candles are not on this machine")
def test_real_candles_give_the_figures_of_plain_ta() -> None:
    for path in CANDLES:
        bars = candles(path)
        exactly_the_same(Strategy(), bars)
        for first in range(0, len(bars) - Strategy().window, 997):
            exactly_the_same(Strategy(), bars.iloc[first : first + Strategy().window])


@pytest.mark.parametrize("symbol", ["BTC/USDT", "ETH/USDT"])
def test_real_trades_give_the_figures_of_plain_ta(recorded_trades: DataFrame, symbol: str) -> None:
    exactly_the_same(Strategy(), bars_of_a_second(recorded_trades, symbol))


@pytest.mark.parametrize("length", [1, 2, 14, 100])
def test_prices_that_are_missing_or_endless_or_whole_numbers_give_what_ta_gives(length: int) -> None:
    chance = numpy.random.default_rng(length)
    prices = Series(chance.integers(90, 110, 300), dtype=float)
    holes = prices.where(chance.random(300) < 0.9)

    for some in (prices, holes, prices.mask(chance.random(300) < 0.1, inf), prices.iloc[:0]):
        values = numpy.asarray(some, float)
        numpy.testing.assert_array_equal(ema(values, length), ta.trend.ema_indicator(some, length))
        numpy.testing.assert_array_equal(sma(values, length), ta.trend.sma_indicator(some, length))
    for some in (prices, holes):
        numpy.testing.assert_array_equal(rsi(numpy.asarray(some, float), length), ta.momentum.rsi(some, length))


def test_nothing_is_unlike_ta_as_it_is_installed() -> None:
    assert unlike_ta() == []


@pytest.mark.parametrize("name", ["ema", "sma", "rsi"])
def test_the_last_bit_of_a_figure_is_missed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    right = getattr(indicators, name)
    monkeypatch.setattr(indicators, name, lambda *given: numpy.nextafter(right(*given), inf))

    assert unlike_ta() == [name]
