"""How the venue's clock runs against the real one: equal live, shifted and faster in a replay."""

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Pace:
    """At `real_us` of the real clock the venue's shows `venue_us`; from there it runs `speed` times as fast.

    Both are microseconds since the epoch. Until `real_us` the clock runs as it did `before`, so that all who know of a
    change in time make it at the same moment.
    """

    real_us: int
    venue_us: int
    speed: float = 1.0
    before: "Pace | None" = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.speed) and self.speed > 0):
            raise ValueError(f"a clock's speed must be a positive number, got {self.speed}")

    def at(self, real_us: int) -> int:
        """What the venue's clock shows when the real one shows `real_us`."""
        if self.before is not None and real_us < self.real_us:
            return self.before.at(real_us)
        return self.venue_us + round((real_us - self.real_us) * self.speed)

    def changed(self, real_us: int, speed: float, venue_us: int | None = None) -> "Pace":
        """The same clock at another speed from `real_us` on, when it shows `venue_us` if that is not back."""
        shown_us = self.at(real_us)
        return Pace(real_us, shown_us if venue_us is None else max(venue_us, shown_us), speed, before=self)

    def since(self, real_us: int) -> "Pace":
        """Without what is over by then."""
        if self.before is None:
            return self
        return replace(self, before=None if self.real_us <= real_us else self.before.since(real_us))
