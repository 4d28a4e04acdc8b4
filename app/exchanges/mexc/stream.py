"""MEXC's public trades as they happen, through ccxt.pro: one connection for at most thirty symbols."""

import asyncio
import fcntl
import re
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import count
from math import inf
from typing import Any

import ccxt
from aiohttp import WSCloseCode, WSMsgType
from google.protobuf.message import DecodeError

from app.domain.continuity import Print
from app.domain.errors import Unavailable
from app.domain.rate_limit import Limiter
from app.exchanges.mexc.async_client import AsyncClient
from app.exchanges.mexc.frames import deals, sent_ms

SYMBOLS_PER_CONNECTION = 30
PAGE = 1000  # most that the venue tells at once
HOUR_MS = 3_600_000
SPACING_S = 0.025  # 40 requests a second at most; MEXC allows 50 for each endpoint
OLD_S = 0.5  # who is told what was sent longer ago than this has more to come
CATCHING_UP_S = 1.0  # and may have to wait so long for it
ABNORMAL = WSCloseCode.ABNORMAL_CLOSURE.value
CHANNEL = re.compile(r"deals\.v3\.api\.pb@\d+ms@(\w+)")

Hear = Callable[[str, list[Print]], None]


class _Client(AsyncClient):
    """Hands trade frames to `hear` as they come, and remembers what was subscribed."""

    def __init__(self, rest_url: str, ws_url: str, limiter: Limiter | None = None) -> None:
        self.hear: Hear | None = None
        self.confirmed: set[str] = set()
        self.refused: dict[str, str] = {}
        self.broken = 0
        self.waits = True
        self.newest: bytes | None = None  # the last frame since somebody asked how old it is
        super().__init__(rest_url, ws_url, limiter)
        self._named = cache(self.safe_symbol)  # a connection has thirty, and each frame asks for one of them
        self._receiving: asyncio.Task[None] | None = None

    def client(self, url: str) -> Any:
        """The connection, which is read here: ccxt begins a task for each message, and passes it through four hands."""
        connection = super().client(url)
        if "receive_loop" not in vars(connection):
            connection.receive_loop = partial(self._receive, connection)
        return connection

    def _receive(self, connection: Any) -> None:
        """Called once by ccxt, when the connection is there."""
        self._receiving = asyncio.create_task(self._received(connection))

    async def _received(self, connection: Any) -> None:
        """Until the connection ends: trades the short way, everything else the way of ccxt.

        What came in together is worked through together, but not more than a frame of each symbol: after a standstill
        each connection has hundreds, and what was heard has to be passed on meanwhile.
        """
        try:
            for turn in count(1):
                if connection.closed():
                    break
                self.waits = True
                message = await connection.receive()
                self.waits = False
                if message.type is WSMsgType.BINARY:
                    self._take(message.data)
                else:
                    connection.handle_message(message)
                if turn % SYMBOLS_PER_CONNECTION == 0:
                    await asyncio.sleep(0)
        except Exception as error:  # noqa: BLE001  whatever it is, nothing would be heard here any more: dial again
            connection.on_error(ccxt.NetworkError(f"{type(error).__name__}: {error}"))
        else:
            connection.on_close(ABNORMAL)
        finally:
            self.waits = True

    def _take(self, frame: bytes) -> None:
        try:
            found = deals(frame)
        except DecodeError:  # counted, and the next frame is another
            self.broken += 1
            return
        self.newest = frame
        if found is not None and self.hear is not None:
            self.hear(self._named(found[0]), found[1])

    def handle_subscription_status(self, client: Any, message: Any) -> None:
        """Which symbols the venue has agreed to; ccxt would wait for ever for the others."""
        text = str(message.get("msg", ""))
        for market_id in CHANNEL.findall(text):
            symbol = self.safe_symbol(market_id)
            if text.startswith("Not"):
                self.refused[symbol] = text
            else:
                self.confirmed.add(symbol)
        super().handle_subscription_status(client, message)


class Stream:
    """One connection."""

    def __init__(self, client: _Client, ws_url: str, symbols: Sequence[str]) -> None:
        self.symbols = tuple(symbols)
        self._client = client
        self._url = ws_url
        self._heard_old = -inf

    @property
    def confirmed(self) -> set[str]:
        """The symbols that the venue has agreed to send since the connection began."""
        return self._client.confirmed

    @property
    def refused(self) -> dict[str, str]:
        """The symbols that it will not send, and what it said."""
        return self._client.refused

    @property
    def broken(self) -> int:
        """How many frames could not be read."""
        return self._client.broken

    @property
    def waits(self) -> bool:
        """Whether it has passed on all that was read, or soon will; see `arrived`."""
        return self._client.waits

    @property
    def arrived(self) -> int:
        """Bytes that this machine has received for it and that nobody has read."""
        connection = self._client.clients.get(self._url)
        socket = connection and connection.connection and connection.connection.get_extra_info("socket")
        if not socket or socket.fileno() < 0:
            return 0
        return int.from_bytes(fcntl.ioctl(socket.fileno(), termios.FIONREAD, bytes(4)), sys.byteorder)

    def told_behind_s(self, venue_ms: int) -> float | None:
        """How old the newest is of what was heard since this was last asked; None if nothing was, or does not tell."""
        newest, self._client.newest = self._client.newest, None
        sent = 0 if newest is None else sent_ms(newest)
        if not sent:
            return None
        behind_s = max(0.0, (venue_ms - sent) / 1000)
        if behind_s > OLD_S:
            self._heard_old = time.monotonic()
        return behind_s

    @property
    def is_catching_up(self) -> bool:
        """Whether what it was told of late was old: a venue keeps what this machine has no room for, and has more.

        When room was made, nothing may have arrived for a moment.
        """
        return time.monotonic() - self._heard_old < CATCHING_UP_S

    async def listen(self, hear: Hear) -> None:
        """Pass on what comes in, until the connection is lost: then Unavailable. Nothing is sent twice."""
        client = self._client
        client.hear = hear
        client.confirmed.clear()
        client.refused.clear()
        watches = [asyncio.ensure_future(client.watch_trades(symbol)) for symbol in self.symbols]
        try:
            await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
        finally:
            client.hear = None
            for watch in watches:
                watch.cancel()
            ended = await asyncio.gather(*watches, return_exceptions=True)
        reasons = [one for one in ended if isinstance(one, Exception)]
        raise Unavailable(f"the stream ended: {reasons[0] if reasons else 'dropped'}")

    async def drop(self) -> None:
        """Close the connection: `listen` ends, and can begin again."""
        connection = self._client.clients.pop(self._url, None)
        if connection is not None:
            await connection.close()

    async def close(self) -> None:
        """End it for good."""
        await self._client.close()


class PublicMarket:
    """MEXC's public side for the feed: which symbols there are, their streams, and what was missed.

    `limiter` shares the venue with the rest of the farm; without one, requests are only spaced.
    """

    def __init__(self, rest_url: str, ws_url: str, limiter: Limiter | None = None) -> None:
        self._urls = rest_url, ws_url
        self._limiter = limiter
        self._client = _Client(rest_url, ws_url, limiter)
        self._streams: list[Stream] = []
        self._turn = asyncio.Lock()
        self.page = PAGE

    async def open(self) -> None:
        """Learn the symbols; Unavailable if the venue does not answer."""
        await self._ask(self._client.load_markets)

    def symbols(self) -> Sequence[str]:
        """All that the venue lists."""
        return list(self._client.markets or ())

    def streams(self, symbols: Sequence[str]) -> list[Stream]:
        """Connections for these symbols, not yet begun."""
        size = SYMBOLS_PER_CONNECTION
        self._streams = [self._stream(symbols[first : first + size]) for first in range(0, len(symbols), size)]
        return self._streams

    async def behind_s(self, venue_ms: int | None) -> list[tuple[Stream, float]]:
        """By how many seconds each stream was behind, when this was asked, with what it passes on; left out: not known.

        One that was read from just now still waits, with something to pass on: it gets its turn before it is believed.
        `venue_ms` is the venue's time, by which the age of what is heard is known; None if it goes at another pace.
        """
        told = {} if venue_ms is None else {stream: stream.told_behind_s(venue_ms) for stream in self._streams}
        read = [stream for stream in self._streams if not stream.arrived and not stream.is_catching_up]
        await asyncio.sleep(0)
        read_up = {stream: 0.0 for stream in read if stream.waits}
        known = {stream: behind for stream, behind in told.items() if behind is not None} | read_up
        return list(known.items())

    async def missed(self, symbol: str, since_ms: int, until_ms: int) -> list[Print]:
        """Prints with since <= ms <= until, in their order; Unavailable if the venue does not tell them all."""
        found: list[Print] = []
        for start in range(since_ms, until_ms + 1, HOUR_MS):
            found += await self._page(symbol, start, min(start + HOUR_MS - 1, until_ms))
        return found

    async def offset_ms(self, now_ms: Callable[[], int]) -> int:
        """How far the venue's clock is ahead of ours."""
        before = now_ms()
        server = await self._ask(self._client.fetch_time)
        return int(server) - (before + now_ms()) // 2

    async def close(self) -> None:
        """End it for good."""
        await self._client.close()

    def _stream(self, symbols: Sequence[str]) -> Stream:
        client = _Client(*self._urls, self._limiter)
        client.set_markets_from_exchange(self._client)
        return Stream(client, self._urls[1], symbols)

    async def _page(self, symbol: str, start_ms: int, end_ms: int) -> list[Print]:
        request = {
            "symbol": self._client.market(symbol)["id"],
            "startTime": start_ms,
            "endTime": end_ms,
            "limit": self.page,
        }
        rows = await self._ask(lambda: self._client.spotPublicGetAggTrades(request))
        if len(rows) >= self.page and start_ms < end_ms:  # which end was cut is not documented: ask for the halves
            middle = (start_ms + end_ms) // 2
            return await self._page(symbol, start_ms, middle) + await self._page(symbol, middle + 1, end_ms)
        if rows and int(rows[0]["T"]) > int(rows[-1]["T"]):
            rows = rows[::-1]
        return sorted(map(_print, rows), key=lambda one: one.ms)

    async def _ask(self, question: Callable[[], Any]) -> Any:
        if self._limiter is None:
            async with self._turn:
                await asyncio.sleep(SPACING_S)
        try:
            return await question()
        except ccxt.BaseError as error:
            raise Unavailable(f"{type(error).__name__}: {error}"[:300]) from error


def _print(row: Mapping[str, Any]) -> Print:
    seller = row["m"] in (True, "true")
    return Print(int(row["T"]), float(row["p"]), float(row["q"]), "sell" if seller else "buy")
