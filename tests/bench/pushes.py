"""Just enough of MEXC to push prepared trade frames, every symbol one in 100 ms; `python -m tests.bench.pushes`."""

import asyncio
import json
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import cycle, islice

from aiohttp import WSMsgType, web

from app.simulator import wire
from app.simulator.catalogue import listing, symbols
from app.simulator.market import Print

SYMBOLS, A_CONNECTION = 1_950, 30
CHANNEL = "spot@public.aggre.deals.v3.api.pb@100ms@"
ONE, MANY = (1,), (2, 3, 3, 2, 3)  # deals in a frame; 2.6 are 50,000 ticks/s of 1,950 symbols
EVERY_MS = 100
PRICE = "64250.17"
UNTOLD_MS = 0x1A2B3C4D5E6  # stands where a time will be; nothing else in a frame is written so
SHORT, LONG = 126, 65_536


def venue_name(symbol: str) -> str:
    """BTCUSDT."""
    return symbol.replace("/", "")


def frames(name: str, since_ms: int, sizes: Sequence[int], count: int) -> Iterator[bytes]:
    """So many frames of a symbol, one every 100 ms, with as many deals as `sizes` says in turn."""
    for place, size in enumerate(islice(cycle(sizes), count)):
        at_ms = since_ms + place * EVERY_MS
        yield _frame(name, at_ms + EVERY_MS, range(at_ms, at_ms + size))


def _frame(name: str, sent_ms: int, times_ms: Iterable[int], price: Decimal = Decimal(PRICE)) -> bytes:
    prints = [
        Print(name, ms, price, Decimal("0.004512"), "buy" if number % 2 else "sell", "7")
        for number, ms in enumerate(times_ms)
    ]
    body = wire.deals(map(wire.deal, prints), "spot@public.aggre.deals.v3.api.pb@100ms")
    return wire.frame(CHANNEL + name, name, sent_ms, wire.AGGRE_DEALS, body)


def pushed(payload: bytes) -> bytes:
    """A frame of the websocket, as a server sends it (RFC 6455): binary, whole, without a mask or compression."""
    length = len(payload)
    if length < SHORT:
        return bytes((0x82, length)) + payload
    assert length < LONG
    return bytes((0x82, 126)) + length.to_bytes(2, "big") + payload


@dataclass(slots=True)
class Line:
    """A connection: whose it is, what it has subscribed to, and what waits to be pushed to it."""

    who: str
    transport: asyncio.Transport
    names: list[str] = field(default_factory=list)
    bursts: list[bytes] = field(default_factory=list)


class Stamped:
    """A burst whose times are those of its sending; made with `UNTOLD_MS` for each."""

    def __init__(self, burst: bytes) -> None:
        self._burst = bytearray(burst)
        self._places = [found.start() for found in re.finditer(re.escape(wire.varint(UNTOLD_MS)), burst)]

    def at(self, ms: int) -> bytes:
        """The burst as it is sent now."""
        time_of_it = wire.varint(ms)
        for place in self._places:
            self._burst[place : place + len(time_of_it)] = time_of_it
        return bytes(self._burst)


class Venue:
    """Connections that have subscribed, and what to push to them."""

    def __init__(self) -> None:
        self._lines: list[Line] = []

    async def exchange_info(self, request: web.Request) -> web.Response:
        """All symbols."""
        return web.json_response({"symbols": [_rules(symbol) for symbol in symbols(SYMBOLS)]})

    async def time(self, request: web.Request) -> web.Response:
        """Ours."""
        return web.json_response({"serverTime": _now_ms()})

    async def nothing(self, request: web.Request) -> web.Response:
        """Nothing was missed."""
        return web.json_response([])

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """Whatever is subscribed is agreed to."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        line = Line(request.query.get("who", "feed"), request.transport)
        self._lines.append(line)
        async for message in socket:
            names = json.loads(message.data).get("params", []) if message.type is WSMsgType.TEXT else []
            line.names += [one.rpartition("@")[2] for one in names]
            await socket.send_json({"id": 0, "code": 0, "msg": ",".join(names) or "PONG"})
        self._lines.remove(line)
        return socket

    async def prepare(self, request: web.Request) -> web.Response:
        """Make `count` frames for each symbol of `who`, with the deals that `sizes` tells, as JSON."""
        sizes, count = json.loads(request.query["sizes"]), int(request.query["count"])
        since_ms = _now_ms() - count * EVERY_MS
        for line in self._of(request):
            made = await asyncio.to_thread(_made, line.names, since_ms, sizes, count)  # pings are answered meanwhile
            line.bursts = [b"".join(burst) for burst in zip(*made, strict=True)]
        return web.json_response({})

    async def push(self, request: web.Request) -> web.Response:
        """Send it all as a venue does: each connection a frame of every symbol in 100 ms, one after the other."""
        lines = self._of(request)
        apart_s = EVERY_MS / 1000 / len(lines)
        await asyncio.gather(*(_push(line, place * apart_s) for place, line in enumerate(lines)))
        return web.json_response({})

    async def tick(self, request: web.Request) -> web.Response:
        """Push one deal of `name` at `price`."""
        name, now_ms = request.query["name"], _now_ms()
        frame = pushed(_frame(name, now_ms, [now_ms], Decimal(request.query["price"])))
        (line,) = (line for line in self._lines if name in line.names)
        line.transport.write(frame)
        return web.json_response({})

    async def stream(self, request: web.Request) -> web.Response:
        """Push for so many seconds, with as many deals as `sizes` says in turn, at the time of their sending.

        Each connection's symbols at once, the connections one after the other; with `apart` each symbol by itself.
        """
        query = request.query
        sizes, bursts = json.loads(query["sizes"]), int(query["seconds"]) * 1000 // EVERY_MS
        price, without = Decimal(query.get("price", PRICE)), query.get("without", "").split(",")
        told = [(line, [name for name in line.names if name not in without]) for line in self._of(request)]
        if "apart" in query:
            told = [(line, [name]) for line, names in told for name in names]
        made = [(line, await asyncio.to_thread(_stamped, names, sizes, price)) for line, names in told]
        apart_s = EVERY_MS / 1000 / len(made)
        await asyncio.gather(*(_stream(line, some, bursts, at * apart_s) for at, (line, some) in enumerate(made)))
        return web.json_response({"ticks": sum(islice(cycle(sizes), bursts)) * sum(len(names) for _, names in told)})

    def _of(self, request: web.Request) -> list[Line]:
        return [line for line in self._lines if line.who == request.query["who"]]


def _made(names: Sequence[str], since_ms: int, sizes: Sequence[int], count: int) -> list[list[bytes]]:
    return [list(map(pushed, frames(name, since_ms, sizes, count))) for name in names]


def _stamped(names: Sequence[str], sizes: Sequence[int], price: Decimal) -> list[Stamped]:
    """A burst for each of `sizes`: a frame of each symbol."""
    return [
        Stamped(b"".join(pushed(_frame(name, UNTOLD_MS, [UNTOLD_MS] * size, price)) for name in names))
        for size in sizes
    ]


async def _stream(line: Line, bursts: Sequence[Stamped], count: int, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time() + delay_s
    for burst in islice(cycle(bursts), count):
        await asyncio.sleep(due - loop.time())
        if line.transport.is_closing():
            raise web.HTTPConflict(text="a connection was closed by who listens")
        line.transport.write(burst.at(_now_ms()))
        due += EVERY_MS / 1000


async def _push(line: Line, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time() + delay_s
    for burst in line.bursts:
        await asyncio.sleep(due - loop.time())
        line.transport.write(burst)
        due += EVERY_MS / 1000


def _rules(symbol: str) -> dict[str, object]:
    """Those of the simulated venue, which takes the orders."""
    one = listing(symbol, 0)
    return {
        "symbol": one.name,
        "status": "1",
        "baseAsset": one.base,
        "baseAssetPrecision": one.amount_decimals,
        "quoteAsset": one.quote,
        "quotePrecision": one.price_decimals,
        "quoteAssetPrecision": one.price_decimals,
        "orderTypes": ["LIMIT"],
        "isSpotTradingAllowed": True,
        "permissions": ["SPOT"],
        "baseSizePrecision": "0",
        "quoteAmountPrecision": "1",
        "maxQuoteAmount": "2000000",
        "makerCommission": "0",
        "takerCommission": "0",
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def main() -> None:
    """Serve on loopback at the port that is named, for ever."""
    venue, app = Venue(), web.Application()
    app.add_routes(
        [
            web.get("/api/v3/exchangeInfo", venue.exchange_info),
            web.get("/api/v3/time", venue.time),
            web.get("/api/v3/aggTrades", venue.nothing),
            web.get("/ws", venue.listen),
            web.post("/prepare", venue.prepare),
            web.post("/push", venue.push),
            web.post("/stream", venue.stream),
            web.post("/tick", venue.tick),
        ]
    )
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
