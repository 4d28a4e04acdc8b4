"""When the feed may say that everything up to a moment was delivered: what closes the bars of quiet symbols."""

import time
from collections import deque
from collections.abc import Iterable
from math import inf

from workers.feed_ports import Habits, Stream
from workers.line import Line


class VenueClock:
    """Remembers what the venue's time was, and lets out what is old enough that no tick from before can be late.

    A tick may come in for `lateness_ms` afterwards, and may have come in without being heard: a busy feed reads behind.
    The lateness is real time, so a replay at many times the speed waits as long for its ticks as the market does.
    """

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._samples: deque[tuple[float, int]] = deque()
        self._settled_us: int | None = None
        self._marked = 0.0
        self._heard: dict[Stream, float] = {}  # until when everything was, by our clock
        self._moved: dict[Stream, float] = {}  # when that last became later
        self._given_up: set[Line] = set()

    def sample(self, venue_us: int) -> None:
        """This is the venue's time now."""
        self._samples.append((time.monotonic(), venue_us))

    def heard(self, behind_s: Iterable[tuple[Stream, float]], real: float) -> None:
        """By how many seconds these were behind then (`time.monotonic()`) with what they pass on."""
        for stream, behind in behind_s:
            if real - behind > self._heard.get(stream, -inf):
                self._heard[stream], self._moved[stream] = real - behind, real

    def mark(self, lines: Iterable[Line]) -> int | None:
        """The time to tell, or None if it is too early, or a connection is catching up."""
        real = time.monotonic()
        awaited = [line for line in lines if line not in self._given_up]
        until = min((self._heard_of(line) for line in awaited), default=real)
        while self._samples and self._samples[0][0] + self._habits.lateness_ms / 1000 <= until:
            self._settled_us = self._samples.popleft()[1]
        if self._settled_us is None or real - self._marked < self._habits.mark_s:
            return None
        if any(line.behind_since is not None for line in awaited):
            return None
        self._marked = real
        return self._settled_us

    def given_up(self, lines: Iterable[Line]) -> list[str]:
        """Symbols whose connection the clock no longer waits for, once each time.

        It has been catching up for too long, or is neither read up nor getting anywhere.
        """
        real = time.monotonic()
        since = {line: min(line.behind_since or inf, self._moved.setdefault(line.stream, real)) for line in lines}
        late = {line for line, began in since.items() if real - began >= self._habits.hold_s}
        new, self._given_up = late - self._given_up, late
        return [symbol for line in new for symbol in line.stream.symbols]

    def _heard_of(self, line: Line) -> float:
        return self._heard.setdefault(line.stream, time.monotonic())
