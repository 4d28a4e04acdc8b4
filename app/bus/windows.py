"""Windows: the last bars of a symbol, kept in Redis and made again from the database when Redis has none."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
import redis

from app.bus.keys import Keys
from app.domain.market import Bar, BarClose, instant, microseconds


class History(Protocol):
    """Where windows come from when Redis has forgotten them."""

    def window(self, symbol: str, interval: str, until: datetime, size: int) -> list[Bar]:
        """The last `size` bars that end at or before `until`, oldest first."""
        ...


class Windows:
    """The last bars that a strategy sees. Drains append to them (`Lease.extend`), this reads and rebuilds them."""

    def __init__(self, client: "redis.Redis", keys: Keys, history: History, keep: int) -> None:
        self._client = client
        self._keys = keys
        self._history = history
        self._keep = keep

    def read(self, close: BarClose, size: int) -> list[Bar]:
        """The last `size` bars up to and with this one, oldest first, rebuilt where Redis has forgotten them."""
        end = microseconds(datetime.fromisoformat(close.end))
        kept: Any = self._client.lrange(self._keys.window(close.symbol, close.interval), 0, -1)
        rows = [row for row in map(msgspec.json.decode, kept) if row[0] <= end]
        if rows and rows[-1][0] == end and (len(rows) >= size or len(kept) < self._keep):
            return [_bar(close, row) for row in rows[-size:]]
        return self._rebuilt(close, size, newest=not kept or msgspec.json.decode(kept[-1])[0] <= end)

    def forget(self, symbol: str, interval: str) -> None:
        """Make the window anew at its next reading: older bars have changed in the database."""
        self._client.delete(self._keys.window(symbol, interval))

    def _rebuilt(self, close: BarClose, size: int, *, newest: bool) -> list[Bar]:
        until = datetime.fromisoformat(close.end)
        bars = self._history.window(close.symbol, close.interval, until, max(size, self._keep))
        if newest and bars:
            self._replace(close, bars[-self._keep :])
        return bars[-size:]

    def _replace(self, close: BarClose, bars: Sequence[Bar]) -> None:
        name = self._keys.window(close.symbol, close.interval)
        with self._client.pipeline(transaction=True) as pipe:
            pipe.delete(name)
            pipe.rpush(name, *(packed_bar(bar)[1] for bar in bars))
            pipe.execute()


def packed_bar(bar: Bar) -> tuple[int, bytes]:
    """A bar's end in microseconds, and the bar as its window keeps it."""
    end = microseconds(bar.end)
    row = (end, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.ticks, bar.whole)
    return end, msgspec.json.encode(row)


def _bar(close: BarClose, row: Sequence[Any]) -> Bar:
    end_us, *figures = row
    return Bar(close.symbol, close.interval, instant(end_us), *figures)
