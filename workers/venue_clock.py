"""When the feed may say that everything up to a moment was delivered: what closes the bars of quiet symbols."""

import time
from collections import deque
from collections.abc import Iterable

from workers.feed_ports import Habits
from workers.line import Line


class VenueClock:
    """Remembers what the venue's time was, and lets out what is old enough that no tick from before can be late.

    The lateness is real time, so a replay at many times the speed waits as long for its ticks as the market does.
    """

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._samples: deque[tuple[float, int]] = deque()
        self._settled_us: int | None = None
        self._marked = 0.0
        self._given_up: set[Line] = set()

    def sample(self, venue_us: int) -> None:
        """Everything that came in until now was heard."""
        real = time.monotonic()
        self._samples.append((real, venue_us))
        while self._samples and real - self._samples[0][0] >= self._habits.lateness_ms / 1000:
            self._settled_us = self._samples.popleft()[1]

    def mark(self, lines: Iterable[Line]) -> int | None:
        """The time to tell, or None if it is too early, or a connection is catching up."""
        real = time.monotonic()
        if self._settled_us is None or real - self._marked < self._habits.mark_s:
            return None
        if any(line.behind_since is not None and line not in self._given_up for line in lines):
            return None
        self._marked = real
        return self._settled_us

    def given_up(self, lines: Iterable[Line]) -> list[str]:
        """Symbols whose connection has been catching up for so long that the clock no longer waits; once each time."""
        real = time.monotonic()
        behind = {line: line.behind_since for line in lines if line.behind_since is not None}
        self._given_up &= behind.keys()
        late = {line for line, since in behind.items() if real - since >= self._habits.hold_s} - self._given_up
        self._given_up |= late
        return [symbol for line in late for symbol in line.stream.symbols]
