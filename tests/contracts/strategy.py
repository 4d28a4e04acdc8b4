"""What holds for every strategy: a window decides as all of history does, nothing looks ahead, decisions are pure.

Use it for a strategy of your own: `for check in CHECKS: check(my_strategy, a_walk(seed=1))`.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from itertools import pairwise
from typing import Any

import numpy
import pandas
from pandas import DataFrame

from app.domain.trading import Wish
from app.strategies import Strategy

# Figures may part by this share of what their column usually is; decisions may not part at all.
TOLERANCE = 1e-6
# Drift and noise of a bar, as shares of the price: up, down, aside, a storm, and a flat.
MOODS = [(2e-4, 4e-4), (-2e-4, 4e-4), (0.0, 3e-4), (0.0, 3e-3), (0.0, 0.0)]


def a_walk(seed: int, bars: int = 700) -> DataFrame:
    """A random walk whose mood changes every 25 to 75 bars: trends, storms, and flats in which no price moves."""
    chance = numpy.random.default_rng(seed)
    moods = [mood for _ in range(bars // 125 + 1) for mood in chance.permutation(len(MOODS))]
    moves = numpy.concatenate([_moves(chance, *MOODS[mood]) for mood in moods])[:bars]
    close = 100 * numpy.exp(numpy.cumsum(moves))
    before = numpy.concatenate([[100.0], close[:-1]])
    wick = numpy.abs(chance.normal(0, 1e-4, bars))
    figures = {
        "open": before,
        "high": numpy.maximum(before, close) * (1 + wick),
        "low": numpy.minimum(before, close) * (1 - wick),
        "close": close,
        "volume": chance.lognormal(0, 1, bars) * (1 + 50 * numpy.abs(moves) / 1e-3),
    }
    ends = pandas.date_range("2024-11-20", periods=bars, freq="1s", tz="UTC")
    return DataFrame(figures, index=ends)


def _moves(chance: numpy.random.Generator, drift: float, noise: float) -> Any:
    return chance.normal(drift, noise, chance.integers(25, 75))


def decisions(strategy: Strategy, bars: DataFrame) -> list[Wish | None]:
    """The wish after each bar but the first, the indicators reckoned once over all of them."""
    rows = _rows(strategy.indicators(bars))
    return [strategy.decide(now, before) for before, now in pairwise(rows)]


def over_windows(strategy: Strategy, bars: DataFrame, at: Iterable[int]) -> dict[int, tuple[Wish | None, DataFrame]]:
    """The wish and the indicators after the bars at these places, each seen through its own window."""
    seen = {}
    for place in at:
        rows = strategy.indicators(bars.iloc[max(0, place + 1 - strategy.window) : place + 1])
        before, now = _rows(rows.iloc[-2:])
        seen[place] = (strategy.decide(now, before), rows.iloc[-2:])
    return seen


def a_window_decides_as_all_of_history(strategy: Strategy, bars: DataFrame, most: int = 200) -> None:
    """At every wish, the bars around it, and as many others as `most` leaves room for."""
    whole, all_wishes = strategy.indicators(bars), decisions(strategy, bars)
    for place, (wish, rows) in over_windows(strategy, bars, _places(all_wishes, len(bars), most)).items():
        expected = all_wishes[place - 1]
        assert _side(wish) == _side(expected), f"after bar {place} the window says {wish}, history {expected}"
        parted = _parted(rows, whole.iloc[place - 1 : place + 1], whole)
        assert not parted, f"after bar {place} window and history part in {parted}"


def nothing_looks_ahead(strategy: Strategy, bars: DataFrame) -> None:
    """Another future, or none, leaves every row of the past as it was."""
    whole = strategy.indicators(bars)
    for place in (strategy.warm_up, len(bars) // 2, len(bars) - 2):
        other = bars.copy()
        other.iloc[place + 1 :] *= 1.5
        for past in (strategy.indicators(other), strategy.indicators(bars.iloc[: place + 1])):
            parted = _parted(past.iloc[: place + 1], whole.iloc[: place + 1], whole, tolerance=1e-12)
            assert not parted, f"bars after {place} change the past in {parted}"


def decisions_are_pure(strategy: Strategy, bars: DataFrame) -> None:
    """The same rows give the same wish, to a twin too, and in any order; nothing that was handed in changes."""
    untouched, twin = bars.copy(), deepcopy(strategy)
    first, rows = decisions(strategy, bars), _rows(strategy.indicators(bars))
    backwards = [twin.decide(rows[place], rows[place - 1]) for place in reversed(range(1, len(rows)))]
    assert backwards[::-1] == first
    assert repr(rows) == repr(_rows(strategy.indicators(bars)))
    pandas.testing.assert_frame_equal(bars, untouched)
    assert strategy == twin


def a_row_for_each_bar(strategy: Strategy, bars: DataFrame) -> None:
    """Indicators share the bars' index, and all are numbers."""
    rows = strategy.indicators(bars)
    assert rows.index.equals(bars.index)
    assert all(kind.kind in "fi" for kind in rows.dtypes)


def nothing_is_wished_before_the_warm_up(strategy: Strategy, bars: DataFrame) -> None:
    """Fewer bars than `warm_up` decide nothing, and `window` shows at least that many."""
    assert not any(decisions(strategy, bars)[: strategy.warm_up - 2])
    assert 2 <= strategy.warm_up <= strategy.window


CHECKS = (
    a_window_decides_as_all_of_history,
    nothing_looks_ahead,
    decisions_are_pure,
    a_row_for_each_bar,
    nothing_is_wished_before_the_warm_up,
)


def _rows(frame: DataFrame) -> list[dict[str, float]]:
    return [{str(name): float(figure) for name, figure in row.items()} for row in frame.to_dict("records")]


def _side(wish: Wish | None) -> str:
    return "nothing" if wish is None else wish.side


def _places(wishes: list[Wish | None], bars: int, most: int) -> list[int]:
    near = {place + step for place, wish in enumerate(wishes, start=1) if wish for step in (-1, 0, 1)}
    spread = set(range(1, bars, max(1, bars // max(1, most - len(near)))))
    return sorted(place for place in near | spread if 1 <= place < bars)


def _parted(some: DataFrame, others: DataFrame, usual: DataFrame, tolerance: float = TOLERANCE) -> Mapping[str, float]:
    """The columns in which two frames part, and by how much of what is usual there."""
    scale = others.abs().clip(lower=usual.abs().median().replace(0.0, 1.0), axis="columns")
    apart = ((some - others).abs() / scale).max()
    missing = some.isna().to_numpy() != others.isna().to_numpy()
    parted = {str(name): float(share) for name, share in apart.items() if share > tolerance}
    return parted | {str(name): numpy.nan for name in some.columns[missing.any(axis=0)]}
