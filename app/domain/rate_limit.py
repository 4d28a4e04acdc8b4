"""How often a venue may be asked: who goes first, how much is whose, and what one process remembers of its own."""

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate
from typing import Protocol

WINDOW_MS = 12_000  # ten seconds of the venue's, and two in which a request may be on its way
CAREFUL = 0.25  # part of the budget while it is not known what was asked before
UNLIMITED = 2**50


class Priority(IntEnum):
    """What a request is for; the higher goes first."""

    DATA = 0
    BOOKS = 1  # a reconciliation without which entries would stop
    ENTRY = 2
    EXIT = 3

    @property
    def part(self) -> float:
        """How much of the budget may be spent already, by all, for this still to be asked."""
        return (0.5, 0.65, 0.8, 1.0)[self]

    @property
    def resume_ms(self) -> int:
        """How long after a pause it waits for those that go before it."""
        return (2000, 1000, 500, 0)[self]

    @property
    def patience_s(self) -> float:
        """How long it is worth waiting for a turn."""
        return (5.0, 2.0, 2.0, 2.0)[self]


class Limiter(Protocol):
    """Shares one venue's budgets between all who ask it; an endpoint is named as `GET order`."""

    def acquire(self, endpoint: str, weight: int, priority: Priority, patience_s: float | None = None) -> None:
        """Wait for a turn; RateLimited if that would take longer than the patience, and then nothing is spent."""
        ...

    async def wait(self, endpoint: str, weight: int, priority: Priority, patience_s: float | None = None) -> None:
        """`acquire` without holding up the event loop."""
        ...

    def pause(self, retry_after_s: float | None, status: int) -> None:
        """The venue has refused with this HTTP status: nobody asks it for so long."""
        ...


@dataclass(frozen=True, slots=True)
class Pause:
    """For how long nobody asks a venue, and the HTTP status that it refused with (0: not known)."""

    left_s: float
    status: int


@dataclass(frozen=True, slots=True)
class Budget:
    """The weight that may be spent at each endpoint within a window; 0 is no limit."""

    weight: int
    window_ms: int = WINDOW_MS

    def ceiling(self, priority: Priority, *, careful: bool = False) -> int:
        """How much all together may have spent after a request of this priority."""
        if not self.weight:
            return UNLIMITED
        return max(1, int(self.weight * priority.part * (CAREFUL if careful else 1)))

    def split(self, processes: int) -> "Budget":
        """What each of so many has for itself when they cannot speak to each other."""
        return Budget(max(1, self.weight // processes) if self.weight else 0, self.window_ms)


class Window:
    """The weight that one process has spent lately at an endpoint. Times are any clock's milliseconds."""

    def __init__(self, window_ms: int = WINDOW_MS) -> None:
        self._window_ms = window_ms
        self._spent: deque[tuple[int, int]] = deque()

    def spent(self, now_ms: int) -> int:
        """Within the window that ends now."""
        while self._spent and self._spent[0][0] <= now_ms - self._window_ms:
            self._spent.popleft()
        return sum(weight for _, weight in self._spent)

    def take(self, weight: int, ceiling: int, now_ms: int) -> int:
        """0 if there was room, which is then spent; else how many milliseconds until there is."""
        excess = self.spent(now_ms) + weight - max(ceiling, weight)  # what is larger than its part goes alone
        if weight and excess <= 0:
            self._spent.append((now_ms, weight))
        if not weight or excess <= 0:
            return 0
        spent = accumulate(weight for _, weight in self._spent)
        enough = next(at for (at, _), sum_ in zip(self._spent, spent, strict=True) if sum_ >= excess)
        return enough + self._window_ms - now_ms
