"""Strategies see a window's bars as a table of plain floats, and decide on two rows of theirs."""

from dataclasses import replace
from math import isnan

import pandas

from app.domain.window import Window
from app.steps.tables import as_table, two_rows
from tests.fixtures.memory.builders import BTC, some_bars

BARS = [replace(bar, volume=0.1 * place) for place, bar in enumerate(some_bars(5))]
FIGURES = ("open", "high", "low", "close", "volume")


def table(bars: int = 5) -> pandas.DataFrame:
    return as_table(Window.of(BTC, "1m", BARS[:bars]))


def test_a_table_has_the_bars_figures_by_their_ends() -> None:
    ends = pandas.DatetimeIndex([bar.end for bar in BARS], name="end")
    figures = [[getattr(bar, name) for name in FIGURES] for bar in BARS]

    pandas.testing.assert_frame_equal(table(), pandas.DataFrame(figures, columns=FIGURES, index=ends))


def test_what_a_strategy_does_to_its_table_changes_no_window() -> None:
    window = Window.of(BTC, "1m", BARS)
    mine = as_table(window)
    mine["close"] = 0.0
    mine.iloc[0, 0] = -1.0

    assert window.bars() == BARS


def test_two_rows_are_those_at_a_place_and_before_it() -> None:
    before, now = two_rows(table(), 3)

    assert now == {name: getattr(BARS[3], name) for name in FIGURES}
    assert before == {name: getattr(BARS[2], name) for name in FIGURES}


def test_nothing_is_known_before_the_first_bar() -> None:
    before, now = two_rows(table(1), 0)

    assert now["close"] == BARS[0].close
    assert list(before) == list(now)
    assert all(map(isnan, before.values()))


def test_figures_of_other_kinds_become_floats() -> None:
    rows = pandas.DataFrame({"count": [1, 2], "above": [False, True], 7: [0.5, None]})
    before, now = two_rows(rows, 1)

    assert before == {"count": 1.0, "above": 0.0, "7": 0.5}
    assert (now["count"], now["above"]) == (2.0, 1.0)
    assert isnan(now["7"])
    assert all(type(figure) is float for figure in now.values())
