"""What remembers which things need no look for a while, whichever it is and whatever they are."""

from datetime import timedelta
from typing import Any

from app.steps.ports import Resting
from tests.fixtures.memory.builders import NOON, some_bars

CLOSES = [bar.key for bar in some_bars(3)]
SIGNALS = ["one", "two", "three"]
SOON, LATER = NOON + timedelta(seconds=5), NOON + timedelta(seconds=6)


class RestingContract:
    """Subclasses give the fixtures `resting` and `things`, three of what it remembers."""

    def test_a_thing_that_nobody_spoke_of_is_due(self, resting: Resting[Any], things: list[Any]) -> None:
        assert resting.due(things, NOON) == things
        assert resting.due([], NOON) == []

    def test_a_thing_is_left_alone_until_its_time_is_over(self, resting: Resting[Any], things: list[Any]) -> None:
        resting.quiet(things[:2], NOON, until=SOON)

        assert resting.due(things, SOON) == things[2:]
        assert resting.due(things, LATER) == things

    def test_the_last_word_holds(self, resting: Resting[Any], things: list[Any]) -> None:
        resting.quiet(things, NOON, until=SOON)
        resting.quiet(things[:1], NOON, until=LATER)
        resting.quiet([], LATER, until=LATER)

        assert resting.due(things, LATER) == things[1:]
