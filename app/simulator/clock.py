"""The venue's clock: the real one, at a pace that can be changed."""

from collections.abc import Callable

from app.domain.pace import Pace


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
        """From now on it shows `venue_us` and runs at another speed; never back."""
        real_us = self.real()
        self.pace = Pace(real_us, max(venue_us, self.pace.at(real_us)), speed)
        return self.pace

    def run(self, speed: float) -> Pace:
        """Another speed, without a jump."""
        self.pace = self.pace.faster(self.real(), speed)
        return self.pace
