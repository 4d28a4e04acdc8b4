"""How the venue's clock runs against the real one: equal live, shifted and faster in a replay."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """At `real_us` of the real clock the venue's shows `venue_us`; from there it runs `speed` times as fast.

    Both are microseconds since the epoch.
    """

    real_us: int
    venue_us: int
    speed: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.speed) and self.speed > 0):
            raise ValueError(f"a clock's speed must be a positive number, got {self.speed}")

    def at(self, real_us: int) -> int:
        """What the venue's clock shows when the real one shows `real_us`."""
        return self.venue_us + round((real_us - self.real_us) * self.speed)

    def real(self, venue_us: int) -> int:
        """When the venue's clock shows `venue_us`, on the real clock; never before it does."""
        return self.real_us + math.ceil((venue_us - self.venue_us) / self.speed)

    def faster(self, real_us: int, speed: float) -> "Pace":
        """The same clock, without a jump, at another speed from `real_us` on."""
        return Pace(real_us, self.at(real_us), speed)
