"""Indicators as the library `ta` reckons them, bit by bit, without the tables that it makes on its way.

`ta` takes a dozen steps over pandas' Series to RSI, each of which costs more than its arithmetic over a window:
together they were half of what a search cost. The averages are pandas' here too; the steps between are the same, on
arrays. tests/unit/strategies/test_figures.py holds them to `ta`.
"""

import numpy as np
from numpy.typing import NDArray
from pandas import Series

Figures = NDArray[np.float64]


def rsi(close: "Series[float]", length: int) -> Figures:
    """What `ta.momentum.RSIIndicator(close, length).rsi()` gives."""
    prices = close.to_numpy(float)
    change = np.diff(prices, prepend=np.nan)
    up, down = (
        _smoothed(np.where(change > 0, change, 0.0), length),
        _smoothed(-np.where(change < 0, change, 0.0), length),
    )
    with np.errstate(divide="ignore", invalid="ignore"):  # what is divided by zero is not chosen, or 100
        return np.where(down == 0, 100.0, 100 - (100 / (1 + up / down)))


def _smoothed(changes: Figures, length: int) -> Figures:
    return Series(changes).ewm(alpha=1 / length, min_periods=length, adjust=False).mean().to_numpy()
