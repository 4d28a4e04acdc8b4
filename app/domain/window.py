"""Windows: the last bars of a symbol as rows of numbers, of which a Bar is made only where one is wanted."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from struct import Struct

from app.domain.market import Bar, instant, microseconds

COLUMNS = 8  # of eight bytes each: end in microseconds, open, high, low, close, volume, ticks, whole
_ROW = Struct("=q5d2q")
ROW_BYTES = _ROW.size


def packed(bar: Bar) -> bytes:
    """A bar as a row of a window: a row for each bar, and no symbol in it."""
    figures = (bar.open, bar.high, bar.low, bar.close, bar.volume)
    return _ROW.pack(microseconds(bar.end), *figures, bar.ticks, bar.whole)


@dataclass(frozen=True, slots=True)
class Window:
    """The last bars of a symbol and interval, oldest first; `rows` are theirs, one after the other."""

    symbol: str
    interval: str
    rows: bytes

    def __post_init__(self) -> None:
        if len(self.rows) % ROW_BYTES:
            raise ValueError(f"a window's rows have {ROW_BYTES} bytes each, these are {len(self.rows)} in all")

    @classmethod
    def of(cls, symbol: str, interval: str, bars: Sequence[Bar]) -> "Window":
        """A window of these bars."""
        return cls(symbol, interval, b"".join(map(packed, bars)))

    def __len__(self) -> int:
        return len(self.rows) // ROW_BYTES

    @property
    def whole(self) -> bool:
        """Whether all of each bar was heard."""
        return all(self._integers(COLUMNS - 1))

    def place(self, end: datetime) -> int | None:
        """Where the bar is that ends then; None if it is not here."""
        ends, end_us = self._integers(0), microseconds(end)
        place = bisect_left(ends, end_us)
        return place if place < len(ends) and ends[place] == end_us else None

    def until(self, end: datetime) -> "Window":
        """Without the bars that end later."""
        return self.part(0, bisect_right(self._integers(0), microseconds(end)))

    def part(self, first: int, stop: int) -> "Window":
        """The bars from one place up to and without another."""
        return Window(self.symbol, self.interval, self.rows[first * ROW_BYTES : stop * ROW_BYTES])

    def last(self, size: int) -> "Window":
        """The newest bars, `size` at most."""
        return self.part(max(0, len(self) - size), len(self))

    def bar(self, place: int) -> Bar:
        """The bar at a place; from the end if it is negative."""
        row = _ROW.unpack_from(self.rows, (place % len(self)) * ROW_BYTES)
        end_us, opened, high, low, close, volume, ticks, whole = row
        return Bar(self.symbol, self.interval, instant(end_us), opened, high, low, close, volume, ticks, bool(whole))

    def bars(self) -> list[Bar]:
        """All of them."""
        return [self.bar(place) for place in range(len(self))]

    def _integers(self, column: int) -> Sequence[int]:
        return memoryview(self.rows).cast("q")[column::COLUMNS]
