"""MEXC's websocket: subscriptions, pushes of public channels, and the account's own events."""

import asyncio
from collections import defaultdict, deque
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from app.simulator import wire
from app.simulator.account import Balance, Change
from app.simulator.channels import PRIVATE, Channel, channel
from app.simulator.listen_keys import CONNECTIONS_A_KEY, ListenKeys
from app.simulator.market import Print
from app.simulator.venue import Venue

MOST_STREAMS = 30
MOST_FRAMES = 20_000
MOST_BYTES = 32 * 2**20
UNSUBSCRIBED_US = 30_000_000
SILENT_US = 60_000_000
A_DAY_US = 86_400_000_000


class Client:
    """One connection: what it listens to, and what waits to be sent to it."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, key: str | None, now_us: int) -> None:
        self.key = key
        self.streams: set[str] = set()
        self.since_us = self.unsubscribed_us = self.heard_us = now_us
        self.waiting: deque[bytes | str] = deque()
        self.bytes = 0
        self._socket, self._request = socket, request
        self._more = asyncio.Event()

    def push(self, item: bytes | str) -> None:
        """Send it as soon as the connection takes it; a client that lets too much pile up is dropped."""
        self.waiting.append(item)
        self.bytes += len(item)
        self._more.set()
        if len(self.waiting) > MOST_FRAMES or self.bytes > MOST_BYTES:
            self.drop()

    def drop(self) -> None:
        """Cut the connection."""
        self.waiting.clear()
        self.bytes = 0
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self) -> None:
        """Send what waits, until the connection ends."""
        try:
            while True:
                await self._more.wait()
                self._more.clear()
                while self.waiting:
                    await self._send(self.waiting.popleft())
        except ConnectionResetError:
            self.waiting.clear()  # whoever reads from this connection hears of its end as well

    async def _send(self, item: bytes | str) -> None:
        self.bytes -= min(self.bytes, len(item))
        if isinstance(item, bytes):
            await self._socket.send_bytes(item)
        else:
            await self._socket.send_str(item)


class Hub:
    """All connections and channels."""

    def __init__(self, venue: Venue, keys: ListenKeys) -> None:
        self.clients: set[Client] = set()
        self._venue, self._keys = venue, keys
        self._channels: dict[str, Channel] = {}
        self._by_symbol: defaultdict[str, list[Channel]] = defaultdict(list)
        self._dirty: dict[Channel, int] = {}  # since when (ms), in the order in which they were printed to
        self._known: dict[str, Balance] = dict(venue.account.balances)
        self._tidied_us = 0
        venue.on_print.append(self._printed)
        venue.on_change.append(self._changed)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, to its end."""
        if self._venue.faults.strike("websockets_refused", self._venue.clock.real()):
            return web.Response(status=503)
        key = request.query.get("listenKey")
        dead = key is not None and not self._opens(key)
        if dead and self._venue.faults.strike("dead_keys_refused", self._venue.clock.real()):
            return web.Response(status=401)
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        if dead:
            await socket.send_str("Invalid listen key")
            await socket.close()
            return socket
        client = Client(socket, request, key, self._venue.clock.real())
        self.clients.add(client)
        writer = asyncio.create_task(client.write())
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._heard(client, message.data)
        finally:
            self._leave(client)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return socket

    def flush(self) -> None:
        """Push what gathered, channel by channel, where the last push is long enough ago."""
        now_us = self._venue.clock.now_us()
        for one in tuple(self._dirty):
            if 0 <= now_us - one.pushed_us < one.interval_us:
                continue
            one.pushed_us = now_us
            self._dirty.pop(one, None)
            frame = one.frame(now_us // 1000)
            for client in one.clients:
                self._push(client, frame)
        self._tidy()

    @property
    def backlog(self) -> int:
        """Frames that wait for the slowest client."""
        return max((len(client.waiting) for client in self.clients), default=0)

    @property
    def quiet(self) -> bool:
        """Whether everything was pushed and sent."""
        return not self._dirty and not self.backlog

    def sent_until(self, printed_ms: int) -> int | None:
        """Until when all prints were sent, if they were printed until then; None while something waits to be sent."""
        if self.backlog:
            return None
        return min(printed_ms, *(since_ms - 1 for since_ms in self._dirty.values())) if self._dirty else printed_ms

    def drop_all(self) -> None:
        """Cut every connection."""
        for client in tuple(self.clients):
            client.drop()

    def _opens(self, key: str) -> bool:
        used = sum(client.key == key for client in self.clients)
        return key in self._keys.valid(self._venue.clock.real()) and used < CONNECTIONS_A_KEY

    def _heard(self, client: Client, said: str) -> None:
        client.heard_us = self._venue.clock.real()
        try:
            request = msgspec.json.decode(said)
        except msgspec.DecodeError:
            request = None
        method = str(request.get("method", "")).upper() if isinstance(request, dict) else ""
        if method == "PING":
            self._reply(client, "PONG")
        elif method == "SUBSCRIPTION":
            self._subscribe(client, _names(request))
        elif method == "UNSUBSCRIPTION":
            for name in _names(request):
                self._unsubscribe(client, name)
            self._reply(client, ",".join(_names(request)))
        else:
            self._reply(client, "Invalid request")

    def _subscribe(self, client: Client, names: list[str]) -> None:
        refused = [name for name in names if not self._subscribed(client, name)]
        taken = [name for name in names if name not in refused]
        if taken:
            self._reply(client, ",".join(taken))
        if refused:
            self._reply(client, f"Not Subscribed successfully! [{','.join(refused)}].  Reason： Blocked! ")

    def _subscribed(self, client: Client, name: str) -> bool:
        if name in client.streams:
            return True
        if len(client.streams) >= MOST_STREAMS:
            return False
        if self._venue.faults.strike("refused_subscription", self._venue.clock.real()):
            return False
        if name in PRIVATE:
            if client.key is None:
                return False
            client.streams.add(name)
            return True
        one = self._channels.get(name) or channel(self._venue, name)
        if one is None:
            return False
        if name not in self._channels:
            self._channels[name] = one
            self._by_symbol[one.symbol].append(one)
        one.clients.add(client)
        client.streams.add(name)
        return True

    def _unsubscribe(self, client: Client, name: str) -> None:
        client.streams.discard(name)
        client.unsubscribed_us = self._venue.clock.real()
        one = self._channels.get(name)
        if one is None:
            return
        one.clients.discard(client)
        if not one.clients:
            del self._channels[name]
            self._by_symbol[one.symbol].remove(one)
            self._dirty.pop(one, None)

    def _leave(self, client: Client) -> None:
        for name in tuple(client.streams):
            self._unsubscribe(client, name)
        self.clients.discard(client)

    def _reply(self, client: Client, message: str) -> None:
        self._push(client, msgspec.json.encode({"id": 0, "code": 0, "msg": message}).decode())

    def _push(self, client: Client, item: bytes | str) -> None:
        if self._venue.faults and self._venue.faults.look("silent_websocket", self._venue.clock.real()):
            return
        client.heard_us = self._venue.clock.real()
        client.push(item)

    def _printed(self, one: Print) -> None:
        for each in self._by_symbol.get(one.symbol, ()):
            each.take(one)
            self._dirty.setdefault(each, one.time_ms)

    def _changed(self, change: Change, reason: str) -> None:
        """Push the account's events to those who listen to them."""
        now_ms = self._venue.time_ms()
        last_deals = {trade.order_id: trade.quantity for trade in change.trades}
        for order in change.orders.values():
            body = wire.order(order, last_deals.get(order.id))
            self._push_private("orders", order.symbol, now_ms, wire.ORDERS, body)
        for trade in change.trades:
            self._push_private("deals", trade.symbol, now_ms, wire.DEALS, wire.account_trade(trade))
        for asset, balance in change.balances.items():
            body = wire.balance(asset, balance, self._known.get(asset, Balance()), reason, now_ms)
            self._known[asset] = balance
            self._push_private("account", "", now_ms, wire.ACCOUNT, body)

    def _push_private(self, what: str, symbol: str, now_ms: int, field: int, body: bytes) -> None:
        name = f"spot@private.{what}.v3.api.pb"
        faults, real_us = self._venue.faults, self._venue.clock.real()
        listeners = [
            client for client in self.clients if name in client.streams and self._keys.opens(client.key, real_us)
        ]
        if not listeners or (faults and faults.strike("private_frames_dropped", real_us, path=what)):
            return
        copies = 2 if faults and faults.strike("private_frames_doubled", real_us, path=what) else 1
        frame = wire.frame(name, symbol, now_ms, field, body, create_ms=now_ms)
        for client in listeners * copies:
            self._push(client, frame)

    def _tidy(self) -> None:
        """Once a second, cut who listens to nothing, who heard and said nothing, and who has been there for a day."""
        now_us = self._venue.clock.real()
        if now_us - self._tidied_us < 1_000_000:
            return
        self._tidied_us = now_us
        for client in tuple(self.clients):
            idle = not client.streams and now_us - client.unsubscribed_us > UNSUBSCRIBED_US
            if idle or now_us - client.heard_us > SILENT_US or now_us - client.since_us > A_DAY_US:
                client.drop()


def _names(request: dict[str, Any]) -> list[str]:
    names = request.get("params")
    return [str(name) for name in names] if isinstance(names, list) else []
