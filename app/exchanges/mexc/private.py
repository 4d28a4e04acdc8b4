"""MEXC's private stream: tells which of our orders something has happened to, and nothing more."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
import ccxt
from ccxt.protobuf.mexc.PushDataV3ApiWrapper_pb2 import PushDataV3ApiWrapper
from google.protobuf.message import DecodeError

from app.domain.errors import RateLimited, Unavailable
from app.domain.rate_limit import Limiter
from app.exchanges.mexc.async_client import AsyncClient
from app.exchanges.mexc.key_ring import ApiKeys

CHANNELS = [f"spot@private.{what}.v3.api.pb" for what in ("orders", "deals")]
NOT_TRADED = 1


class PrivateStream:
    """One connection under a listenKey, which is kept alive and made anew when the venue knows it no more
    or does not let it in.

    Seconds: `renew_s` between two renewals of the key, which lives an hour; `ping_s` between two pings; `silent_s`
    of nothing, not even a PONG, until the connection is taken for dead.
    """

    def __init__(
        self,
        rest_url: str,
        ws_url: str,
        keys: Callable[[], ApiKeys],
        *,
        limiter: Limiter | None = None,
        renew_s: float = 1800,
        ping_s: float = 10,
        silent_s: float = 30,
    ) -> None:
        self._url = ws_url
        self._key: str | None = None
        self._renew_s, self._ping_s, self._silent_s = renew_s, ping_s, silent_s
        self._client = AsyncClient(rest_url, limiter=limiter, keys=keys)

    async def listen(self, hear: Callable[[str], None], opened: Callable[[], None]) -> None:
        """Pass on client order ids until the connection is lost: then Unavailable. `opened` is told at its begin."""
        try:
            key = await self._listen_key()
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(f"{self._url}?listenKey={key}", timeout=_timeout()) as socket,
            ):
                await socket.send_json({"method": "SUBSCRIPTION", "params": CHANNELS})
                keeping = [
                    asyncio.create_task(self._ping(socket)),
                    asyncio.create_task(self._renew(key, socket)),
                ]
                try:
                    await self._hear(socket, hear, opened)
                finally:
                    for task in keeping:
                        task.cancel()
                    await asyncio.gather(*keeping, return_exceptions=True)
        except aiohttp.WSServerHandshakeError as error:
            await self._give_back()
            raise Unavailable(f"the private stream is not opened: {error.status} {error.message}"[:300]) from error
        except (ccxt.BaseError, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable(f"{type(error).__name__}: {error}"[:300]) from error

    async def close(self) -> None:
        """End it for good."""
        await self._client.close()

    async def _listen_key(self) -> str:
        if self._key is None:
            await self._client.load_time_difference()
            answer = await self._client.spotPrivatePostUserDataStream()
            self._key = str(answer["listenKey"])
        return self._key

    async def _give_back(self) -> None:
        """A key that was not let in may be dead: the next one is another. MEXC grants sixty, so this one is ended."""
        key, self._key = self._key, None
        with suppress(ccxt.BaseError, RateLimited):  # it ends by itself in an hour
            await self._client.spotPrivateDeleteUserDataStream({"listenKey": key})

    async def _hear(self, socket: Any, hear: Callable[[str], None], opened: Callable[[], None]) -> None:
        while True:
            message = await socket.receive(timeout=self._silent_s)
            if message.type is aiohttp.WSMsgType.BINARY:
                client_order_id = told_of(message.data)
                if client_order_id:
                    hear(client_order_id)
            elif message.type is aiohttp.WSMsgType.TEXT:
                self._understand(message.data, opened)
            else:
                raise Unavailable("the private stream ended")

    def _understand(self, text: str, opened: Callable[[], None]) -> None:
        if "Invalid listen key" in text:
            self._key = None
            raise Unavailable("the listenKey is not known any more")
        if "Not Subscribed" in text:
            raise Unavailable(f"the private stream is refused: {text}"[:300])
        if CHANNELS[0] in text:
            opened()

    async def _ping(self, socket: Any) -> None:
        while True:
            await asyncio.sleep(self._ping_s)
            await socket.send_json({"method": "PING"})

    async def _renew(self, key: str, socket: Any) -> None:
        """Another hour for the key; a key that gets none is given up, and with it the connection."""
        with suppress(ccxt.BaseError, RateLimited):
            while True:
                await asyncio.sleep(self._renew_s)
                await self._client.spotPrivatePutUserDataStream({"listenKey": key})
        self._key = None
        await socket.close()


def told_of(frame: bytes) -> str | None:
    """The client order id that a frame is about; None if it is about none, or cannot be read, or nothing happened."""
    try:
        push: Any = PushDataV3ApiWrapper.FromString(frame)
    except DecodeError:  # the poll is the authority, a frame is a hint
        return None
    if push.HasField("privateDeals"):
        return str(push.privateDeals.clientOrderId)
    if push.HasField("privateOrders") and push.privateOrders.status != NOT_TRADED:
        return str(push.privateOrders.clientId)
    return None


def _timeout() -> Any:
    return aiohttp.ClientWSTimeout(ws_close=1)
