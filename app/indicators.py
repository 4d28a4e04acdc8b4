"""Averages and RSI as the library `ta` gives them, bit by bit, past its tables and those of pandas.

Over a window those tables cost ten times the arithmetic in them. What `ta` asks of pandas is asked here of the
compiled loops that pandas comes down to, with the same arguments; the steps between are the same, on arrays. These
loops are no promise of pandas, so whoever searches asks `unlike_ta` before his first search; and
tests/unit/strategies/test_figures.py holds every figure to `ta`, over random windows and recorded markets.
"""

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Figures = NDArray[np.float64]

loops: Any = import_module("pandas._libs.window.aggregations")  # of which pandas' stubs know nothing
FIRST = np.zeros(1, np.int64)
LENGTHS = (2, 9, 14, 50)


def ema(values: Figures, length: int) -> Figures:
    """`ta.trend.ema_indicator`; unknown for the first `length - 1` bars."""
    return _smoothed(_finite(values), length, (length - 1) / 2)


def sma(values: Figures, length: int) -> Figures:
    """`ta.trend.sma_indicator`; unknown for the first `length - 1` bars."""
    ends = np.arange(1, len(values) + 1)
    found: Figures = loops.roll_mean(_finite(values), np.maximum(ends - length, 0), ends, length)
    return found


def rsi(prices: Figures, length: int) -> Figures:
    """`ta.momentum.rsi`; unknown for the first `length - 1` bars."""
    change = np.full_like(prices, np.nan)
    np.subtract(prices[1:], prices[:-1], out=change[1:])
    alpha = 1 / length
    rises = _smoothed(np.where(change > 0, change, 0.0), length, (1 - alpha) / alpha)
    falls = _smoothed(-np.where(change < 0, change, 0.0), length, (1 - alpha) / alpha)
    with np.errstate(divide="ignore", invalid="ignore"):  # where nothing falls, 100 is chosen
        return np.where(falls == 0, 100.0, 100 - (100 / (1 + rises / falls)))


def _smoothed(values: Figures, least: int, centre: float) -> Figures:
    """An exponential average by its centre of mass, unknown before there are `least` values."""
    found: Figures = loops.ewm(values, FIRST, np.array([len(values)]), least, centre, False, False, None, True)
    return found


def _finite(values: Figures) -> Figures:
    """As pandas takes them in: what is infinite is unknown."""
    endless = np.isinf(values)
    return np.where(endless, np.nan, values) if endless.any() else values


def unlike_ta() -> list[str]:
    """Those that do not give what `ta` and pandas give as they are installed here, over trends, storms and a flat."""
    import ta  # here, since it takes long, and is asked once
    from pandas import Series

    prices = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.002, 500)))
    prices[200:320] = prices[200]
    theirs = {"ema": ta.trend.ema_indicator, "sma": ta.trend.sma_indicator, "rsi": ta.momentum.rsi}
    ours = {"ema": ema, "sma": sma, "rsi": rsi}

    def agree(name: str, length: int) -> bool:
        return np.array_equal(ours[name](prices, length), theirs[name](Series(prices), length), equal_nan=True)

    return [name for name in ours if not all(agree(name, length) for length in LENGTHS)]
