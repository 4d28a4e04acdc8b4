"""MEXC's klines out of prints: minutes, and longer bars out of minutes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from app.domain.market import EPOCH
from app.simulator.market import Print, text

MINUTE_MS = 60_000
DAY_MS = 86_400_000
MONDAY_MS = 4 * DAY_MS
SPANS_MS = {
    "1m": MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "60m": 60 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "8h": 480 * MINUTE_MS,
    "1d": DAY_MS,
    "1W": 7 * DAY_MS,
    "1M": 31 * DAY_MS,
}
STREAMED = {
    "Min1": "1m",
    "Min5": "5m",
    "Min15": "15m",
    "Min30": "30m",
    "Min60": "60m",
    "Hour4": "4h",
    "Hour8": "8h",
    "Day1": "1d",
    "Week1": "1W",
    "Month1": "1M",
}


@dataclass(slots=True)
class Kline:
    """A bar that grows: `start_ms` inclusive, volume in base and turnover in quote currency."""

    start_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    turnover: Decimal

    def take(self, one: Print) -> None:
        """Grow by a print."""
        price = one.price
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        self.volume += one.quantity
        self.turnover += price * one.quantity

    def grow(self, later: "Kline") -> None:
        """Grow by a bar that follows."""
        self.high, self.low = max(self.high, later.high), min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.turnover += later.turnover

    def copy(self, start_ms: int) -> "Kline":
        """The same figures under another start."""
        return Kline(start_ms, self.open, self.high, self.low, self.close, self.volume, self.turnover)

    def row(self, interval: str) -> list[object]:
        """As MEXC's REST answers it."""
        figures = (self.open, self.high, self.low, self.close, self.volume)
        return [self.start_ms, *map(text, figures), end_of(interval, self.start_ms), text(self.turnover)]


def first(one: Print, start_ms: int) -> Kline:
    """A bar of one print."""
    return Kline(start_ms, one.price, one.price, one.price, one.price, one.quantity, one.price * one.quantity)


def minutes(prints: Iterable[Print]) -> Iterator[Kline]:
    """Prints in order as bars of a minute; none where nothing traded."""
    bar: Kline | None = None
    for one in prints:
        start_ms = one.time_ms - one.time_ms % MINUTE_MS
        if bar is not None and bar.start_ms == start_ms:
            bar.take(one)
            continue
        if bar is not None:
            yield bar
        bar = first(one, start_ms)
    if bar is not None:
        yield bar


def longer(interval: str, bars: Iterable[Kline]) -> list[Kline]:
    """Minutes in order as bars of a longer interval."""
    made: list[Kline] = []
    for bar in bars:
        start_ms = start_of(interval, bar.start_ms)
        if made and made[-1].start_ms == start_ms:
            made[-1].grow(bar)
        else:
            made.append(bar.copy(start_ms))
    return made


def start_of(interval: str, time_ms: int) -> int:
    """When the bar began that an instant falls into; weeks begin on Monday."""
    if interval == "1M":
        at = EPOCH + timedelta(milliseconds=time_ms)
        month = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return (month - EPOCH) // timedelta(milliseconds=1)
    shift_ms = MONDAY_MS if interval == "1W" else 0
    return time_ms - (time_ms - shift_ms) % SPANS_MS[interval]


def end_of(interval: str, start_ms: int) -> int:
    """When the next bar begins."""
    return start_of(interval, start_ms + SPANS_MS[interval]) if interval == "1M" else start_ms + SPANS_MS[interval]
