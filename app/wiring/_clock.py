"""The farm's time; the only reader of the machine's."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

from app.paced_clock import PacedClock
from app.wiring._redis import feed_status, stored_pace
from app.wiring._settings import settings


def now() -> datetime:
    """The farm's time: that of the machine, or in a replay that of the replay."""
    return clock()()


@cache
def clock() -> Callable[[], datetime]:
    """Tells the farm's time."""
    if settings().clock == "system":
        return lambda: datetime.now(UTC)
    return PacedClock(stored_pace().read, lambda: time.time_ns() // 1000)


def venue_now() -> datetime:
    """The venue's time, as far as the feed has measured it."""
    status = feed_status().read()
    return now() + timedelta(milliseconds=status["offset_ms"] if status else 0)
