"""Windows: the last bars of a symbol, kept in Redis and made again from the database when Redis has none."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import redis

from app.bus.keys import Keys
from app.domain.market import Bar, BarClose
from app.domain.window import Window


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

    def ahead(self, closes: Sequence[BarClose]) -> "Ahead":
        """The same with what Redis keeps of these closes' windows, asked for at once."""
        names = list(dict.fromkeys(self._keys.window(close.symbol, close.interval) for close in closes))
        kept: Any = self._client.mget(names) if names else []
        return Ahead(self, self._keys, dict(zip(names, kept, strict=True)))

    def read(self, close: BarClose, size: int) -> Window:
        """The last `size` bars up to and with this one, oldest first, rebuilt where Redis has forgotten them."""
        return self.ahead([close]).read(close, size)

    def seen(self, close: BarClose, size: int, rows: bytes | None) -> Window:
        """The same, with what Redis has of it in `rows`."""
        end = datetime.fromisoformat(close.end)
        kept = Window(close.symbol, close.interval, rows or b"")
        found = kept.until(end)
        if len(found) and found.place(end) is not None and (len(found) >= size or len(kept) < self._keep):
            return found.last(size)
        return self._rebuilt(close, end, size, newest=len(found) == len(kept))

    def forget(self, symbol: str, interval: str) -> None:
        """Make the window anew at its next reading: older bars have changed in the database."""
        self._client.delete(self._keys.window(symbol, interval), self._keys.older_window(symbol, interval))

    def _rebuilt(self, close: BarClose, end: datetime, size: int, *, newest: bool) -> Window:
        bars = self._history.window(close.symbol, close.interval, end, max(size, self._keep))
        window = Window.of(close.symbol, close.interval, bars)
        if newest and bars:
            self._replace(window.last(self._keep))
        return window.last(size)

    def _replace(self, window: Window) -> None:
        with self._client.pipeline(transaction=True) as pipe:
            pipe.delete(self._keys.older_window(window.symbol, window.interval))
            pipe.set(self._keys.window(window.symbol, window.interval), window.rows)
            pipe.execute()


class Ahead:
    """Windows that were asked for ahead: one that must be rebuilt, or cannot be, is no matter of the others."""

    def __init__(self, windows: Windows, keys: Keys, kept: Mapping[str, bytes | None]) -> None:
        self._windows = windows
        self._keys = keys
        self._kept = kept

    def read(self, close: BarClose, size: int) -> Window:
        """As `Windows.read`, of one of the closes that were named."""
        return self._windows.seen(close, size, self._kept[self._keys.window(close.symbol, close.interval)])
