"""Momentum: what makes it enter and leave, how strongly, and which parameters it refuses."""

from math import nan
from typing import Any

import pytest
from pandas import DataFrame, date_range

from app.domain.orders import Side
from app.domain.trading import Wish
from app.strategies import strategy
from app.strategies.momentum import Strategy
from tests.contracts.strategy import decisions

BEFORE = {
    "close": 100.0,
    "fast": 99.9,
    "slow": 100.0,
    "spread": -0.001,
    "trend": 99.0,
    "rsi": 55.0,
    "volume": 10.0,
    "volume_average": 10.0,
    "volume_ratio": 1.0,
}
NOW = BEFORE | {"fast": 100.1, "spread": 0.001, "rsi": 60.0, "volume_ratio": 2.0}


def wish(now: dict[str, float] | None = None, before: dict[str, float] | None = None) -> Wish | None:
    return Strategy().decide(NOW | (now or {}), BEFORE | (before or {}))


def bars_of(closes: list[float]) -> DataFrame:
    index = date_range("2024-11-20", periods=len(closes), freq="1s", tz="UTC")
    return DataFrame(dict.fromkeys(("open", "high", "low", "close"), closes) | {"volume": 1.0}, index=index)


def test_a_crossover_with_momentum_volume_and_trend_is_a_wish_to_buy() -> None:
    found = wish()

    assert found is not None
    assert found.side is Side.BUY
    assert found.reason == (
        "the average of 9 bars crossed above that of 21, RSI 60.0, volume 2.00 times its average, "
        "close above that of 50 bars"
    )


@pytest.mark.parametrize(
    "missing",
    [
        {"spread": 0.0},
        {"rsi": 50.0},
        {"rsi": 75.0},
        {"volume_ratio": 1.49},
        {"trend": 100.0},
    ],
)
def test_without_crossover_momentum_volume_or_trend_there_is_none(missing: dict[str, float]) -> None:
    assert wish(missing) is None


def test_averages_that_were_apart_already_do_not_cross_again() -> None:
    assert wish(before={"spread": 0.0005}) is None


@pytest.mark.parametrize(("now", "strength"), [({}, (0.4 + 2 / 3) / 2), ({"rsi": 70.0, "volume_ratio": 9.0}, 0.9)])
def test_an_entry_is_as_strong_as_its_momentum_and_volume(now: dict[str, float], strength: float) -> None:
    found = wish(now)

    assert found is not None
    assert found.strength == pytest.approx(strength)


def test_a_crossover_downwards_is_a_wish_to_sell() -> None:
    found = wish({"spread": -0.001, "rsi": 40.0}, {"spread": 0.001})

    assert found == Wish(Side.SELL, 0.6, "the average of 9 bars crossed below that of 21, RSI 40.0")


def test_exhaustion_is_a_wish_to_sell() -> None:
    found = wish({"spread": 0.002, "rsi": 70.0}, {"spread": 0.002, "rsi": 80.0})

    assert found == Wish(Side.SELL, 0.8, "RSI fell from 80.0 back below 75: momentum is exhausted")


def test_momentum_that_stays_high_is_no_exhaustion() -> None:
    assert wish({"spread": 0.002, "rsi": 75.0}, {"spread": 0.002, "rsi": 80.0}) is None


def test_the_faintest_wish_still_has_a_strength() -> None:
    found = wish({"spread": -0.001, "rsi": 100.0}, {"spread": 0.001})

    assert found is not None
    assert found.strength == 0.01


@pytest.mark.parametrize("figure", BEFORE)
def test_a_figure_that_is_missing_decides_nothing(figure: str) -> None:
    assert wish({figure: nan}) is None
    assert wish(before={figure: nan}) is None


@pytest.mark.parametrize("average", ["ema", "sma"])
def test_a_market_that_never_moves_is_left_alone(average: str) -> None:
    flat = bars_of([0.1 + 0.2] * 300)

    assert not any(decisions(strategy("momentum", {"average": average}), flat))


def test_a_market_without_volume_is_never_entered() -> None:
    rising = bars_of([100.0 - i / 10 for i in range(100)] + [90.0 + i for i in range(30)]).assign(volume=0.0)
    wishes = [found for found in decisions(Strategy(), rising) if found]

    assert all(found.side is Side.SELL for found in wishes)
    assert not strategy("momentum", {}).indicators(rising)["volume_ratio"].iloc[25:].any()


@pytest.mark.parametrize("step", [-0.5, 0.5])
def test_after_a_flat_longer_than_its_window_it_decides_as_all_of_history(step: float) -> None:
    """RSI itself means nothing there: its ratio is one of rounding errors; the decision must not hang on it."""
    walk = [100 + (i % 7) / 10 for i in range(100)]
    bars = bars_of(walk + [100.0] * 400 + [100 + step * i for i in range(1, 20)])
    momentum = Strategy()
    wishes = decisions(momentum, bars)
    seen = [decisions(momentum, bars.iloc[: place + 1].tail(momentum.window))[-1] for place in range(480, len(bars))]

    assert [found and found.side for found in seen] == [found and found.side for found in wishes[479:]]


def test_a_window_is_as_long_as_its_slowest_average_needs_to_forget() -> None:
    assert Strategy().window == 312
    assert Strategy(rsi=7).window == 243
    assert Strategy(average="sma", rsi=7).window == 151
    assert Strategy(average="sma", rsi=2, trend=200).window == 202


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"fast": 21}, "fast 21 and slow 21"),
        ({"fast": 1}, "fast 1 and slow 21"),
        ({"trend": 1}, "trend 1 must be 2 bars or more"),
        ({"rsi": 0}, "rsi 0 must be 2 bars or more"),
        ({"volume": -5}, "volume -5 must be 2 bars or more"),
        ({"rsi_entry": 80}, "80.0 < 75.0"),
        ({"rsi_overbought": 101}, "50.0 < 101.0"),
        ({"spike": 0}, "spike 0.0 must be above 0"),
        ({"spike_within": 0}, "spike_within 0 1 or more"),
        ({"average": "wma"}, "must be 'ema' or 'sma', not 'wma'"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"strategy momentum: ") as refused:
        strategy("momentum", wrong)

    assert said in str(refused.value)
