"""What remembers how far the venue's clock was from ours, whichever it is."""

from dataclasses import replace

from app.domain.clock_skew import Skew
from app.steps.ports import ClockSkews
from tests.fixtures.memory.builders import NOON

AHEAD = Skew(NOON, 1500, 20, off_since=NOON)


class ClockSkewsContract:
    """Subclasses give the fixture `skews`."""

    def test_the_last_measurement_is_there(self, skews: ClockSkews) -> None:
        assert skews.read() is None

        skews.write(AHEAD)
        assert skews.read() == AHEAD
        skews.write(replace(AHEAD, offset_ms=-3, off_since=None))
        assert skews.read() == Skew(NOON, -3, 20)
