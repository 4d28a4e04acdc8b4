"""What every source of windows does, whichever it is."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from app.domain.market import Bar
from app.steps.ports import Windows
from tests.fixtures.memory.builders import NOON, some_bars

Given = Callable[[Sequence[Bar]], Windows]


class WindowsContract:
    """Subclasses give the fixture `given`: windows over a database that holds these bars."""

    @pytest.mark.parametrize(("size", "seen"), [(5, 5), (1, 1), (50, 9)])
    def test_a_window_is_the_last_bars_up_to_the_close(self, given: Given, size: int, seen: int) -> None:
        bars = some_bars(9)

        assert given(bars).read(bars[-1].key, size).bars() == bars[-seen:]

    def test_a_window_is_the_same_when_it_is_read_again(self, given: Given) -> None:
        bars = some_bars(9)
        windows = given(bars)

        assert windows.read(bars[-1].key, 5) == windows.read(bars[-1].key, 5)

    def test_a_window_does_not_look_beyond_its_close(self, given: Given) -> None:
        bars = some_bars(9)

        assert given(bars).read(bars[5].key, 3).bars() == bars[3:6]

    def test_a_window_of_what_was_never_heard_is_empty(self, given: Given) -> None:
        assert given([]).read(some_bars(1)[0].key, 5).bars() == []

    def test_a_window_before_its_bar_is_known_ends_with_the_one_before(self, given: Given) -> None:
        bars = some_bars(3, until=NOON - timedelta(minutes=1))

        assert given(bars).read(some_bars(1)[0].key, 5).bars() == bars
