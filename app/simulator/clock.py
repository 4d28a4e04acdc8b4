"""The venue's clock: the real one, at a pace that can be changed."""

from collections.abc import Callable

from app.domain.pace import Pace

NOTICE_US = 300_000  # by when every process of a farm has heard of a change


class Clock:
    """`real` tells microseconds since the epoch; everything at the venue is dated by `now_us`."""

    def __init__(self, real: Callable[[], int], pace: Pace | None = None) -> None:
        self.real = real
        now_us = real()
        self.pace = pace or Pace(now_us, now_us)

    def now_us(self) -> int:
        """The venue's time in microseconds."""
        return self.pace.at(self.real())

    def now_ms(self) -> int:
        """The venue's time in milliseconds."""
        return self.now_us() // 1000

    def jump(self, venue_us: int, speed: float) -> Pace:
        """Soon it shows `venue_us`, and from then on it runs at another speed; never back."""
        return self._change(speed, venue_us)

    def run(self, speed: float) -> Pace:
        """Soon it runs at another speed, without a jump."""
        return self._change(speed, None)

    def _change(self, speed: float, venue_us: int | None) -> Pace:
        real_us = self.real()
        self.pace = self.pace.since(real_us).changed(real_us + NOTICE_US, speed, venue_us)
        return self.pace
