"""Joining what was heard before a silence, what the venue says happened in it, and what is heard after it.

MEXC's prints carry no id that ccxt shows, so a print is known by what it says: time, price, quantity and side.
Two prints that say the same are two; each is counted as often as any one source saw it. REST may tell as one
print what the stream told as several (same time, price and side): what adds up to the same is the same.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

EQUAL = 1e-9
Level = tuple[int, float, str]
LAG_MS = 10_000  # how far a stream may be behind what the venue answers


class Print(NamedTuple):
    """A trade as the venue tells it; `ms` is the venue's time in milliseconds."""

    ms: int
    price: float
    quantity: float
    side: str


def joined(heard: Iterable[Print], asked: Sequence[Print], live: Sequence[Print]) -> list[Print]:
    """The prints that are new, in the order of their time: none lost, none twice.

    `heard` are those already passed on, as far back as `asked` reaches; `asked` is what the venue answered
    afterwards; `live` is what its stream has said since. A print that `asked` and `live` both hold is one; a
    print in `live` is never one of `heard`, since the stream says each once.
    """
    old = list(heard)
    known, told = _volumes([*old, *live]), _volumes(asked)
    untold = [one for one in asked if told[_level(one)] > known[_level(one)] * (1 + EQUAL)]
    missed = _without(untold, Counter(old))
    return sorted([*missed, *_without(live, Counter(missed))], key=lambda one: one.ms)


class Early:
    """What the venue answered before its stream has said it: the stream's own word of it later is no second print.

    Of what is older than `LAG_MS` before the newest answer the stream says nothing any more.
    """

    def __init__(self, heard: Iterable[Print], asked: Sequence[Print], live: Iterable[Print]) -> None:
        self._newest_ms = max((one.ms for one in asked), default=0)
        told = _volumes(one for one in asked if one.ms > self._newest_ms - LAG_MS)
        known = _volumes([*heard, *live])
        self._awaited: dict[Level, float] = {level: told[level] - known[level] for level in told}

    def is_over(self, ms: int) -> bool:
        """Whether a stream that is at `ms` has said all of it."""
        return ms > self._newest_ms + LAG_MS

    def unknown(self, prints: Iterable[Print]) -> list[Print]:
        """Those prints of the stream that are new."""
        return [one for one in prints if not self._take(one)]

    def _take(self, one: Print) -> bool:
        level = _level(one)
        awaited = self._awaited.get(level, 0.0)
        if not one.quantity <= awaited * (1 + EQUAL):
            return False
        self._awaited[level] = awaited - one.quantity
        return True


def _level(one: Print) -> Level:
    return one.ms, one.price, one.side


def _volumes(prints: Iterable[Print]) -> "Counter[Level]":
    volumes: Counter[Level] = Counter()
    for one in prints:
        volumes[_level(one)] += one.quantity  # type: ignore[assignment]
    return volumes


def _without(prints: Iterable[Print], known: "Counter[Print]") -> list[Print]:
    left = known.copy()
    new = []
    for one in prints:
        if left[one] > 0:
            left[one] -= 1
        else:
            new.append(one)
    return new


class Stamps:
    """Gives each print of one symbol a time of its own: microseconds that rise, whatever the venue's clock says."""

    __slots__ = ("last_us",)

    def __init__(self) -> None:
        self.last_us = 0

    def next(self, ms: int) -> int:
        """The print's millisecond, or one microsecond after the print before it."""
        self.last_us = max(ms * 1000, self.last_us + 1)
        return self.last_us
