"""What was printed: the latest prints of each symbol, its minutes, and the past of its market before the start."""

import asyncio
from collections import deque
from collections.abc import Iterator

from app.simulator.klines import MINUTE_MS, Kline, first, longer, minutes, start_of
from app.simulator.market import Market, Print

PRINTS_KEPT = 400_000
MINUTES_KEPT = 400_000
LEAST_KEPT = 600
STEP_MS = MINUTE_MS
REACH_MS = 10 * MINUTE_MS


class History:
    """Prints and minutes of every symbol since the market's start; what came before is asked of the market."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._start_ms = market.start_ms
        count = max(1, len(market.listings))
        self._most_minutes = max(LEAST_KEPT, MINUTES_KEPT // count)
        most = max(LEAST_KEPT, PRINTS_KEPT // count)
        self._prints: dict[str, deque[Print]] = {name: deque(maxlen=most) for name in market.listings}
        self._minutes: dict[str, dict[int, Kline]] = {name: {} for name in market.listings}
        self._past: dict[str, dict[int, Kline]] = {name: {} for name in market.listings}
        self._read_from: dict[str, int] = {}

    def add(self, one: Print) -> None:
        """Remember a print."""
        self._prints[one.symbol].append(one)
        kept = self._minutes[one.symbol]
        start_ms = one.time_ms - one.time_ms % MINUTE_MS
        bar = kept.get(start_ms)
        if bar is not None:
            bar.take(one)
            return
        kept[start_ms] = first(one, start_ms)
        if len(kept) > self._most_minutes:
            del kept[next(iter(kept))]

    def prints(self, name: str, since_ms: int, until_ms: int) -> Iterator[Print]:
        """Prints with since <= time < until, oldest first, also from before the start."""
        kept = self._prints[name]
        full = len(kept) == kept.maxlen
        heard_ms = kept[0].time_ms + 1 if full else self._start_ms
        yield from self._market.past(name, since_ms, min(until_ms, heard_ms))
        for one in tuple(kept):
            if since_ms <= one.time_ms < until_ms and not (full and one.time_ms < heard_ms):
                yield one

    def latest(self, name: str, limit: int) -> list[Print]:
        """The last prints, oldest first; some of the past if there are too few."""
        kept = list(self._prints[name])[-limit:]
        if len(kept) == limit:
            return kept
        past = list(self._market.past(name, self._start_ms - REACH_MS, self._start_ms))
        return (past + kept)[-limit:]

    async def klines(self, name: str, interval: str, since_ms: int, until_ms: int) -> list[Kline]:
        """Bars that begin within [since, until], the forming one included, oldest first."""
        first_ms = start_of(interval, since_ms)
        await self._read_past(name, first_ms)
        within = (bar for bar in self._all_minutes(name) if bar.start_ms >= first_ms)
        bars = longer(interval, within)
        return [bar for bar in bars if since_ms <= bar.start_ms <= until_ms]

    def forming(self, name: str, interval: str, now_ms: int) -> Kline | None:
        """The bar in progress, of what is known without reading the past."""
        first_ms = start_of(interval, now_ms)
        within: list[Kline] = []
        for bar in reversed(self._minutes[name].values()):
            if bar.start_ms < first_ms:
                break
            within.append(bar)
        bars = longer(interval, reversed(within))
        return bars[-1] if bars else None

    def running(self, name: str, since_ms: int) -> Kline | None:
        """One bar of all that is known since then, without reading the past."""
        whole: Kline | None = None
        for bar in self._minutes[name].values():
            if bar.start_ms < since_ms:
                continue
            if whole is None:
                whole = bar.copy(bar.start_ms)
            else:
                whole.grow(bar)
        return whole

    def _all_minutes(self, name: str) -> Iterator[Kline]:
        past, live = self._past[name], self._minutes[name]
        for start_ms in sorted(past.keys() | live.keys()):
            before, after = past.get(start_ms), live.get(start_ms)
            if before and after:
                whole = before.copy(start_ms)
                whole.grow(after)
                yield whole
            elif bar := before or after:
                yield bar

    async def _read_past(self, name: str, since_ms: int) -> None:
        """Minutes of the market's past back to `since_ms`, once each, without holding up the others."""
        known_ms = self._read_from.get(name, self._start_ms)
        since_ms = max(since_ms - since_ms % MINUTE_MS, self._market.begins_ms)
        while since_ms < known_ms:
            from_ms = max(since_ms, known_ms - 1 - (known_ms - 1) % STEP_MS)
            for bar in minutes(self._market.past(name, from_ms, known_ms)):
                self._past[name][bar.start_ms] = bar
            known_ms = self._read_from[name] = from_ms
            await asyncio.sleep(0)
