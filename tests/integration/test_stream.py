"""What a connection of the market has read, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from app.exchanges.mexc.stream import SYMBOLS_PER_CONNECTION, PublicMarket
from tests.bench.pushes import pushed
from tests.unit.exchanges.test_frames import a_frame
from tests.unit.workers.test_outbox import until

FRAMES = 20 * SYMBOLS_PER_CONNECTION


@asynccontextmanager
async def a_venue() -> AsyncIterator[tuple[str, "asyncio.Future[asyncio.Transport]"]]:
    """Its address, and the connection to whoever comes: bytes put there are as many as one write can take."""
    came: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()

    async def listen(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        came.set_result(request.transport)
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.router.add_get("/ws", listen)
    async with TestServer(app) as server:
        yield str(server.make_url("/ws").with_scheme("ws")), came


async def test_a_connection_is_read_up_when_all_that_had_come_in_was_passed_on() -> None:
    """Asked at each turn of the loop."""
    heard: list[str] = []
    async with a_venue() as (url, came):
        market = PublicMarket("http://127.0.0.1:1", url)
        market._client.set_markets({"BTC/USDT": {"id": "BTCUSDT", "symbol": "BTC/USDT", "spot": True, "type": "spot"}})
        (stream,) = market.streams(["BTC/USDT"])
        assert await market.behind_s(None) == [(stream, 0.0)], "nothing has come in where nobody is connected"
        listening = asyncio.create_task(stream.listen(lambda symbol, prints: heard.append(symbol)))
        transport = await came
        await until(lambda: stream._client.clients[url].isConnected)

        transport.write(pushed(a_frame([("1", "2", 1, 3)])) * FRAMES)
        answers = [(await market.behind_s(None), len(heard)) for _ in range(200)]

        await stream.close()
        await asyncio.wait([listening])
        ended = await market.behind_s(None)
        await market.close()

    assert {passed_on for answer, passed_on in answers if answer} == {FRAMES}
    assert len([answer for answer, _ in answers if not answer]) >= FRAMES / SYMBOLS_PER_CONNECTION
    assert listening.exception() is not None
    assert ended == [(stream, 0.0)], "no more is heard of it"
