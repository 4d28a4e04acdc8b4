"""How far the venue's clock is from ours, how well that is known, and since when it is too far."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.market import microseconds

BOUND_MS = 1000  # MEXC refuses what is signed further ahead of its clock, and bars are closed by it


@dataclass(frozen=True, slots=True)
class Skew:
    """The venue's clock is ahead of ours by `offset_ms`, give or take `blur_ms`; `off_since` if that is too much."""

    at: datetime
    offset_ms: int
    blur_ms: int
    off_since: datetime | None = None

    def after(self, before: "Skew | None") -> "Skew":
        """With since when it is off: a measurement that proves nothing changes nothing."""
        since = None if before is None else before.off_since
        if abs(self.offset_ms) - self.blur_ms >= BOUND_MS:
            return replace(self, off_since=since or self.at)
        return replace(self, off_since=None if abs(self.offset_ms) + self.blur_ms < BOUND_MS else since)

    def __str__(self) -> str:
        return f"the venue's is {self.offset_ms:+d} ms away, give or take {self.blur_ms}"


def measured(ask: Callable[[], int], now: Callable[[], datetime]) -> Skew:
    """`ask` tells the venue's clock in microseconds, at some instant between the question and its answer."""
    before_us = microseconds(now())
    venue_us = ask()
    at = now()
    middle_us = (before_us + microseconds(at)) // 2
    return Skew(at, (venue_us - middle_us) // 1000, (microseconds(at) - before_us) // 2000)
