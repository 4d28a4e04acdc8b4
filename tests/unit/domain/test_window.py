"""A window keeps bars as rows of numbers, and gives back the bars that went in."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.market import Bar
from app.domain.window import ROW_BYTES, Window, packed
from tests.fixtures.memory.builders import BTC, NOON, some_bars

MINUTE = timedelta(minutes=1)


def window(bars: Sequence[Bar]) -> Window:
    return Window.of(BTC, "1m", bars)


def test_bars_come_out_as_they_went_in() -> None:
    odd = Bar(BTC, "1m", NOON + timedelta(microseconds=1), 0.1 + 0.2, 1e300, 5e-324, 1 / 3, 2.0**60, 2**40, False)
    bars = [*some_bars(3), odd]

    assert window(bars).bars() == bars
    assert window(bars).bar(-1).fingerprint == odd.fingerprint
    assert window(bars).bar(1) == bars[1]


def test_each_bar_has_a_row_of_the_same_length() -> None:
    assert len(packed(some_bars(1)[0])) == ROW_BYTES == 64
    assert len(window(some_bars(9))) == 9
    assert window(some_bars(9)).rows == b"".join(map(packed, some_bars(9)))


@pytest.mark.parametrize("place", [0, 4, 8])
def test_a_bar_is_found_by_its_end(place: int) -> None:
    bars = some_bars(9)

    assert window(bars).place(bars[place].end) == place


@pytest.mark.parametrize("back", [-1, 0.5, 9])
def test_an_end_of_no_bar_has_no_place(back: float) -> None:
    assert window(some_bars(9)).place(NOON - back * MINUTE) is None


def test_nothing_has_a_place_in_an_empty_window() -> None:
    assert window([]).place(NOON) is None
    assert window([]).until(NOON) == window([])
    assert not window([])


@pytest.mark.parametrize(("back", "seen"), [(-1, 9), (0, 9), (0.5, 8), (3, 6), (9, 0)])
def test_a_window_can_end_earlier(back: float, seen: int) -> None:
    bars = some_bars(9)

    assert window(bars).until(NOON - back * MINUTE) == window(bars[:seen])


@pytest.mark.parametrize("size", [0, 1, 4, 9, 50])
def test_the_last_bars_are_as_many_as_there_are(size: int) -> None:
    bars = some_bars(9)

    assert window(bars).last(size) == window(bars[max(0, 9 - size) :])


def test_a_part_is_of_the_same_symbol() -> None:
    bars = some_bars(9)

    assert window(bars).part(2, 5) == window(bars[2:5])


def test_a_window_is_whole_if_each_bar_is() -> None:
    bars = some_bars(5)

    assert window(bars).whole
    assert not window([*bars[:2], replace(bars[2], whole=False), *bars[3:]]).whole


def test_half_a_row_is_no_window() -> None:
    with pytest.raises(ValueError, match="64 bytes each, these are 63 in all"):
        Window(BTC, "1m", b"x" * 63)
