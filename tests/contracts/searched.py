"""What remembers which closes need no search, whichever it is."""

from datetime import timedelta

from app.steps.ports import Searched
from tests.fixtures.memory.builders import NOON, some_bars

CLOSES = [bar.key for bar in some_bars(3)]
SOON, LATER = NOON + timedelta(seconds=5), NOON + timedelta(seconds=6)


class SearchedContract:
    """Subclasses give the fixture `searched`."""

    def test_a_close_that_nobody_spoke_of_is_due(self, searched: Searched) -> None:
        assert searched.due(CLOSES, NOON) == CLOSES
        assert searched.due([], NOON) == []

    def test_a_close_is_left_alone_until_its_time_is_over(self, searched: Searched) -> None:
        searched.quiet(CLOSES[:2], NOON, until=SOON)

        assert searched.due(CLOSES, SOON) == CLOSES[2:]
        assert searched.due(CLOSES, LATER) == CLOSES

    def test_the_last_word_holds(self, searched: Searched) -> None:
        searched.quiet(CLOSES, NOON, until=SOON)
        searched.quiet(CLOSES[:1], NOON, until=LATER)
        searched.quiet([], LATER, until=LATER)

        assert searched.due(CLOSES, LATER) == CLOSES[1:]
