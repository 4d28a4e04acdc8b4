"""Bars in the making: ticks and marks go in, closed bars come out, and nothing is invented.

The inner loop runs for every tick of the market: bare tuples, floats and integers, no objects made.
Times are microseconds since the epoch (`_us`).
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from math import inf
from typing import Any, NamedTuple

from app.domain.market import Bar, Tick, bar_end_us, flaw, instant, interval_seconds

SIDES = frozenset({"buy", "sell"})
NEVER: tuple[int, None, Mapping[str, Any]] = (0, None, {})

Row = Sequence[Any]


class Closed(NamedTuple):
    """A closed bar, the end of the bar before it (0: none known), and when the frame came in that closed it."""

    bar: Bar
    previous_us: int
    received_us: int


class Watched(NamedTuple):
    """A tick of a symbol that somebody watches."""

    symbol: str
    time_us: int
    price: float
    received_us: int


class _Forming:
    """One bar in the making. Without ticks, `start_us` and `end_us` are both the end of the last closed bar."""

    __slots__ = (
        *("close", "end_us", "high", "interval", "length_us", "low", "open"),
        *("previous_us", "start_us", "ticks", "volume", "whole"),
    )

    def __init__(self, interval: str, saved: Sequence[Any] = (0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, False)) -> None:
        self.interval = interval
        self.length_us = interval_seconds(interval) * 1_000_000
        self.previous_us, self.start_us, self.end_us, self.open, self.high, self.low, self.close = saved[:7]
        self.volume, self.ticks, self.whole = saved[7:]

    def saved(self) -> list[Any]:
        """What is needed to go on with it in another process."""
        figures = [self.open, self.high, self.low, self.close, self.volume, self.ticks, self.whole]
        return [self.previous_us, self.start_us, self.end_us, *figures]

    def begin(self, time_us: int, price: float, quantity: float, since_us: int | None) -> None:
        """The first tick of a new interval."""
        self.end_us = bar_end_us(time_us, self.length_us)
        self.start_us = self.end_us - self.length_us
        self.open = self.high = self.low = self.close = price
        self.volume = quantity
        self.ticks = 1
        self.whole = since_us is not None and since_us <= self.start_us

    def add(self, price: float, quantity: float) -> None:
        """One more tick."""
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        self.volume += quantity
        self.ticks += 1

    def closed(self, symbol: str, received_us: int) -> Closed:
        """End it; what remains is the place for the next."""
        prices = (float(self.open), float(self.high), float(self.low), float(self.close))
        bar = Bar(symbol, self.interval, instant(self.end_us), *prices, float(self.volume), self.ticks, self.whole)
        done = Closed(bar, self.previous_us, received_us)
        self.previous_us = self.start_us = self.end_us
        self.ticks = 0
        return done


class _Market:
    """What is known of one symbol; `since_us` is from when on every tick was heard, None is never."""

    __slots__ = ("bars", "last_us", "price", "received_us", "since_us", "symbol")

    def __init__(self, symbol: str, bars: list[_Forming], last_us: int, since_us: int | None) -> None:
        self.symbol = symbol
        self.bars = bars
        self.last_us = last_us
        self.since_us = since_us
        self.price = 0.0
        self.received_us = -1


class FormingBars:
    """The forming bars of a shard's symbols, of all intervals, in one pass over its rows.

    A row is a Tick as a sequence or a mark: `@, venue time, received` (everything up to then was delivered),
    `!, symbol, time` (something before then was lost), `=, symbol, since` (nothing was lost since then).
    After `take`, read `closed` and `watched` and the counts; `saved`, `prices` and `clear` go with a commit.
    """

    def __init__(self, intervals: Sequence[str], saved: Mapping[str, Sequence[Any]] | None = None) -> None:
        self.closed: list[Closed] = []
        self.watched: list[Watched] = []
        self.flaws: list[str] = []
        self.taken = 0
        self.late = 0
        self.doubled = 0
        self._intervals = tuple(intervals)
        self._touched: dict[str, _Market] = {}
        self._markets: dict[str, _Market] = {}
        for symbol, state in (saved or {}).items():
            self._market(symbol, state)

    def take(self, rows: Iterable[Row], watch: Container[str] = ()) -> None:
        """Work through rows in their order; ticks of the symbols in `watch` are also put into `watched`."""
        for row in rows:
            if is_sound(row):
                self._tick(row, watch)
            elif _is_mark(row):
                self._mark(*row)
            else:
                self.flaws.append(_flaw(row))

    def counts(self) -> dict[str, int]:
        """What happened since the last `clear`, by the counters' names; only what did."""
        counts = {
            "ticks_processed": self.taken,
            "ticks_late": self.late,
            "ticks_doubled": self.doubled,
            "ticks_bad": len(self.flaws),
            "bars_closed": len(self.closed),
        }
        return {name: count for name, count in counts.items() if count}

    def saved(self) -> dict[str, list[Any]]:
        """The state of every symbol that has changed since the last `clear`."""
        return {symbol: _saved(market) for symbol, market in self._touched.items()}

    def prices(self) -> dict[str, tuple[float, int, int]]:
        """Last price, its time and when it was received, of every symbol heard since the last `clear`."""
        heard = (market for market in self._touched.values() if market.received_us >= 0)
        return {market.symbol: (market.price, market.last_us, market.received_us) for market in heard}

    def clear(self) -> None:
        """Forget what was reported: it is committed."""
        for market in self._touched.values():
            market.received_us = -1
        self._touched.clear()
        self.closed.clear()
        self.watched.clear()
        self.flaws.clear()
        self.taken = self.late = self.doubled = 0

    def _tick(self, row: Row, watch: Container[str]) -> None:
        symbol, time_us, price, quantity, _, received_us = row
        market = self._markets.get(symbol) or self._market(symbol)
        if time_us <= market.last_us:
            self.doubled += 1
            return
        self._touched[symbol] = market
        self.taken += 1
        market.last_us, market.price, market.received_us = time_us, price, received_us
        late = False
        for bar in market.bars:
            if bar.start_us <= time_us < bar.end_us:
                bar.add(price, quantity)
            elif time_us < bar.end_us:
                late = True
            else:
                self._turn(market, bar, row)
        self.late += late
        if symbol in watch:
            self.watched.append(Watched(symbol, time_us, price, received_us))

    def _turn(self, market: _Market, bar: _Forming, row: Row) -> None:
        _, time_us, price, quantity, _, received_us = row
        if bar.ticks:
            self.closed.append(bar.closed(market.symbol, received_us))
        bar.begin(time_us, price, quantity, market.since_us)

    def _mark(self, kind: str, what: Any, time_us: int) -> None:
        if kind == "@":
            return self._pass(what, time_us)
        market = self._markets.get(what) or self._market(what)
        self._touched[what] = market
        if kind == "!":
            return _lose(market, time_us)
        return _cover(market, time_us)

    def _pass(self, venue_us: int, received_us: int) -> None:
        """Close every bar whose end the venue's clock has passed."""
        for symbol, market in self._markets.items():
            for bar in market.bars:
                if bar.ticks and bar.end_us <= venue_us:
                    self.closed.append(bar.closed(symbol, received_us))
                    self._touched[symbol] = market

    def _market(self, symbol: str, state: Sequence[Any] = NEVER) -> _Market:
        last_us, since_us, saved = state
        bars = [_Forming(one, saved[one]) if one in saved else _Forming(one) for one in self._intervals]
        market = self._markets[symbol] = _Market(symbol, bars, last_us, since_us)
        return market


def _saved(market: _Market) -> list[Any]:
    return [market.last_us, market.since_us, {bar.interval: bar.saved() for bar in market.bars}]


def _lose(market: _Market, time_us: int) -> None:
    """Something before `time_us` was lost: neither the bars in progress nor those that began before are whole."""
    for bar in market.bars:
        bar.whole = False
    market.since_us = max(market.since_us or 0, time_us)


def _cover(market: _Market, since_us: int) -> None:
    """Nothing was lost since `since_us`; what was heard before joins on only if it reaches that far."""
    if market.since_us is not None and since_us <= market.last_us:
        return
    for bar in market.bars:
        bar.whole = bar.whole and since_us <= bar.start_us
    market.since_us = since_us


def is_sound(row: Row) -> bool:
    """Whether a row is a tick that can be true."""
    try:
        symbol, time_us, price, quantity, side, received_us = row
        return (
            type(symbol) is str
            and type(time_us) is int
            and type(received_us) is int
            and time_us > 0
            and 0.0 < price < inf
            and 0.0 < quantity < inf
            and side in SIDES
        )
    except (TypeError, ValueError):  # not six fields, or text and holes where numbers belong
        return False


def _is_mark(row: Row) -> bool:
    try:
        kind, what, time_us = row
    except (TypeError, ValueError):  # not three fields
        return False
    expected = {"@": int, "!": str, "=": str}.get(kind) if type(kind) is str else None
    return type(what) is expected and type(time_us) is int


def _flaw(row: Row) -> str:
    try:
        return flaw(Tick(*row)) or "its symbol or a time has the wrong type"
    except TypeError:  # not six fields, or no numbers
        return "it is neither a tick nor a mark"
