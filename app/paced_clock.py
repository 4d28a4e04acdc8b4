"""The clock of a farm that lives at the pace of a replay."""

import time
from collections.abc import Callable
from datetime import datetime

import redis

from app.domain.market import instant
from app.domain.pace import Pace

READ_AGAIN_S = 0.1


class PacedClock:
    """Time at the pace that `read` tells, asked again ten times a second; real time until there is one.

    `real_us` is the machine's clock in microseconds since the epoch.
    """

    def __init__(self, read: Callable[[], Pace | None], real_us: Callable[[], int]) -> None:
        self._read = read
        self._real_us = real_us
        self._pace: Pace | None = None
        self._read_again_at = 0.0

    def __call__(self) -> datetime:
        if time.monotonic() >= self._read_again_at:
            self._pace = self._fresh()
            self._read_again_at = time.monotonic() + READ_AGAIN_S
        real_us = self._real_us()
        return instant(self._pace.at(real_us) if self._pace else real_us)

    def _fresh(self) -> Pace | None:
        try:
            return self._read() or self._pace
        except redis.RedisError:  # a clock that has lost its Redis goes on as it went
            return self._pace
