"""Who asks how much: weights per endpoint and window, 429 beyond the limit, 418 for those who do not listen."""

import math
from collections import defaultdict

from app.simulator.errors import Refusal


class Weights:
    """Counts by caller and endpoint on the real clock, from the first request on; a limit of 0 is none."""

    def __init__(self, limit: int, window_s: float, patience: int, ban_s: int) -> None:
        self._window_us = round(window_s * 1_000_000)
        self._limit, self._patience, self._ban_s = limit, patience, ban_s
        self._used: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._warned: defaultdict[str, int] = defaultdict(int)
        self._banned_until: dict[str, int] = {}
        self._began = -self._window_us

    def count(self, caller: str, endpoint: str, weight: int, now_us: int) -> None:
        """Count a request, or refuse it."""
        if not self._limit:
            return
        if now_us - self._began >= self._window_us:
            self._began = now_us
            self._used.clear()
            self._warned.clear()
        if self._banned_until.get(caller, 0) > now_us:
            left_s = math.ceil((self._banned_until[caller] - now_us) / 1_000_000)
            raise Refusal(418, "Banned for too many requests", 418, left_s)
        self._used[caller, endpoint] += weight
        if self._used[caller, endpoint] <= self._limit:
            return
        self._warned[caller] += 1
        if self._warned[caller] > self._patience:
            self._banned_until[caller] = now_us + self._ban_s * 1_000_000
        raise Refusal(429, "Too many requests", 429, math.ceil((self._began + self._window_us - now_us) / 1_000_000))
