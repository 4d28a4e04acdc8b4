"""What can be subscribed to: each gathers what happened to its symbol and writes one push for all who listen."""

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from app.simulator import wire
from app.simulator.klines import STREAMED, end_of
from app.simulator.market import Print
from app.simulator.matching import ZERO, Level
from app.simulator.venue import Venue

if TYPE_CHECKING:
    from app.simulator.stream import Client

PUBLIC = re.compile(
    r"spot@public\.(?:(?P<every>aggre\.deals|aggre\.bookTicker|aggre\.depth)\.v3\.api\.pb@(?P<ms>100|10)ms@(?P<symbol>\w+)"
    r"|limit\.depth\.v3\.api\.pb@(?P<limited>\w+)@(?P<levels>5|10|20)"
    r"|kline\.v3\.api\.pb@(?P<charted>\w+)@(?P<interval>\w+))"
)
PRIVATE = frozenset(f"spot@private.{what}.v3.api.pb" for what in ("orders", "deals", "account"))
SECOND_US = 1_000_000


class Channel(ABC):
    """One stream of one symbol, pushed at most once in `interval_us`, at once after a pause."""

    def __init__(self, venue: Venue, name: str, symbol: str, interval_us: int) -> None:
        self.name, self.symbol, self.interval_us = name, symbol, interval_us
        self.clients: set[Client] = set()
        self.pushed_us = 0
        self.dirty = False
        self._venue = venue
        self._event = name.removesuffix(f"@{symbol}")

    def take(self, one: Print) -> None:
        """A print of the symbol."""
        self.dirty = True

    def frame(self, now_ms: int) -> bytes:
        """What gathered since the last push."""
        field, body = self._body(now_ms)
        self.dirty = False
        return wire.frame(self.name, self.symbol, now_ms, field, body)

    @abstractmethod
    def _body(self, now_ms: int) -> tuple[int, bytes]:
        """The field of the wrapper, and the message in it."""


class Deals(Channel):
    """Prints."""

    def __init__(self, venue: Venue, name: str, symbol: str, interval_us: int) -> None:
        super().__init__(venue, name, symbol, interval_us)
        self._items: list[bytes] = []

    def take(self, one: Print) -> None:
        """A print, written at once."""
        self._items.append(wire.deal(one))
        self.dirty = True

    def _body(self, now_ms: int) -> tuple[int, bytes]:
        body = wire.deals(self._items, self._event)
        self._items.clear()
        return wire.AGGRE_DEALS, body


class BookTicker(Channel):
    """The best bid and ask."""

    def _body(self, now_ms: int) -> tuple[int, bytes]:
        book = self._venue.book(self.symbol)
        body = wire.book_ticker(book.bids[0], book.asks[0], self._venue.version[self.symbol])
        return wire.AGGRE_BOOK_TICKER, body


class Depths(Channel):
    """How the book changed from one version to the next."""

    def __init__(self, venue: Venue, name: str, symbol: str, interval_us: int) -> None:
        super().__init__(venue, name, symbol, interval_us)
        self._known = venue.book(symbol)
        self._version = venue.version[symbol]

    def _body(self, now_ms: int) -> tuple[int, bytes]:
        book, version = self._venue.book(self.symbol), self._venue.version[self.symbol]
        asks, bids = changed(self._known.asks, book.asks), changed(self._known.bids, book.bids)
        body = wire.depths(asks, bids, self._event, self._version + 1, version)
        self._known, self._version = book, version
        return wire.AGGRE_DEPTHS, body


class LimitDepths(Channel):
    """The best levels."""

    def _body(self, now_ms: int) -> tuple[int, bytes]:
        book, levels = self._venue.book(self.symbol), int(self.name.rpartition("@")[2])
        event = "spot@public.limit.depth.v3.api.pb"
        body = wire.limit_depths(book.asks[:levels], book.bids[:levels], event, self._venue.version[self.symbol])
        return wire.LIMIT_DEPTHS, body


class Klines(Channel):
    """The forming bar."""

    def _body(self, now_ms: int) -> tuple[int, bytes]:
        named = self.name.rpartition("@")[2]
        interval = STREAMED[named]
        bar = self._venue.history.forming(self.symbol, interval, now_ms)
        if bar is None:
            return wire.KLINE, b""
        figures = (bar.open, bar.close, bar.high, bar.low, bar.volume, bar.turnover)
        end_s = end_of(interval, bar.start_ms) // 1000
        return wire.KLINE, wire.kline(named, bar.start_ms // 1000, end_s, figures)


EVERY: dict[str, type[Channel]] = {"aggre.deals": Deals, "aggre.bookTicker": BookTicker, "aggre.depth": Depths}


def channel(venue: Venue, name: str) -> Channel | None:
    """The channel that a stream's name asks for; None if there is none such."""
    match = PUBLIC.fullmatch(name)
    if match is None:
        return None
    symbol = match["symbol"] or match["limited"] or match["charted"]
    if symbol not in venue.market.listings or (match["interval"] and match["interval"] not in STREAMED):
        return None
    if match["every"]:
        return EVERY[match["every"]](venue, name, symbol, int(match["ms"]) * 1000)
    if match["levels"]:
        return LimitDepths(venue, name, symbol, 100_000)
    return Klines(venue, name, symbol, SECOND_US)


def changed(before: tuple[Level, ...], now: tuple[Level, ...]) -> list[Level]:
    """Levels that are new or other, and those that are gone with a quantity of 0."""
    known, here = set(before), {level.price for level in now}
    gone = [Level(level.price, ZERO) for level in before if level.price not in here]
    return gone + [level for level in now if level not in known]
