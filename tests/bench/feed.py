"""What a feed's process makes of trade frames off a websocket, beside decoding the same frames alone."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from statistics import median
from urllib.parse import quote

import aiohttp
import psutil
from ccxt.protobuf.mexc.PushDataV3ApiWrapper_pb2 import PushDataV3ApiWrapper

from app.bus import Counters, FeedStatus, Keys, Limits, Mailboxes, Topics, connect
from app.domain.rate_limit import Priority
from app.exchanges.mexc.frames import deals
from app.exchanges.mexc.stream import SYMBOLS_PER_CONNECTION, PublicMarket
from app.simulator.catalogue import symbols
from tests.bench import farms, pushes, pushing
from tests.bench.figures import Figure
from tests.fixtures.databases import short_folder
from tests.fixtures.redis_server import start_redis, stop_redis
from workers.feed import Feed, serve
from workers.feed_ports import Habits, Patience
from workers.ports import free_port

KEYS, SHARDS = Keys("bench:"), 2
FRAMES, ROUNDS = 30, 3  # frames of each symbol in a round
UP_S, LOOK_S = 120.0, 0.02
LIMITS = Limits(cap=10**9, archiving=False)  # nobody drains: Redis is emptied after each round


@dataclass(frozen=True, slots=True)
class Round:
    """Ticks a second of the feed, and microseconds of CPU for a tick, each in its way."""

    rate: float
    feed_us: float
    received_us: float
    read_us: float
    parsed_us: float


def run() -> list[Figure]:
    """A deal in each frame, and as many as a market of 50,000 ticks a second has in 100 ms."""
    port = free_port()
    with pushing.venue(port), short_folder() as folder:
        server, url = start_redis(folder)
        try:
            with _feed(port, url) as feed:
                return [
                    figure
                    for sizes in (pushes.ONE, pushes.MANY)
                    for figure in _told(sizes, [_round(port, url, feed, sizes) for _ in range(ROUNDS)])
                ]
        finally:
            stop_redis(server)


def _told(sizes: Sequence[int], rounds: Sequence[Round]) -> list[Figure]:
    rate, feed, received, read, parsed = (
        median(getattr(one, name) for one in rounds)
        for name in ("rate", "feed_us", "received_us", "read_us", "parsed_us")
    )
    name = f"{sum(sizes) / len(sizes):g} deals a frame"
    return [
        Figure(f"{name}: CPU of the feed for a tick, beside decoding its frame alone", feed, read, "µs"),
        Figure("  beside protobuf's own part of the decoding", feed, parsed, "µs"),
        Figure("  of which aiohttp, which only receives the frames", received, read, "µs"),
        Figure("  the rest, ccxt's and ours", feed - received, read, "µs"),
        Figure("  ticks that came through, beside what one core could take", rate, 1e6 / feed, "ticks/s"),
    ]


def _round(port: int, url: str, feed: psutil.Process, sizes: Sequence[int]) -> Round:
    taken = [next(pushes.frames("BTCUSDT", 1_790_000_000_000, [size], 1)) for size in sizes] * (20_000 // len(sizes))
    ticks = sum(map(len, (found[1] for found in map(deals, taken) if found)))
    read_us = _cost_us(deals, taken, ticks)
    parsed_us = _cost_us(PushDataV3ApiWrapper.FromString, taken, ticks)
    received_us = _received_us(port, sizes)
    rate, feed_us = _fed(port, url, feed, sizes)
    return Round(rate, feed_us, received_us, read_us, parsed_us)


def _cost_us(decode: Callable[[bytes], object], taken: Sequence[bytes], ticks: int) -> float:
    began = time.process_time()
    for one in taken:
        decode(one)
    return (time.process_time() - began) / ticks * 1e6


def _fed(port: int, url: str, feed: psutil.Process, sizes: Sequence[int]) -> tuple[float, float]:
    """Ticks a second from the first frame sent to the last tick in its mailbox, and the feed's CPU for one."""
    pushing.asked(port, f"prepare?who=feed&count={FRAMES}&sizes={quote(json.dumps(sizes))}", "POST")
    wanted = _ticks(sizes)
    with connect(url) as client:
        counters = Counters(client, KEYS)
        before = counters.all().get("ticks_received", 0)
        used, began = farms.used_s(feed), time.monotonic()
        pushing.asked(port, "push?who=feed", "POST")
        while (got := counters.all().get("ticks_received", 0) - before) < wanted:
            assert time.monotonic() - began < UP_S, f"{got} of {wanted} ticks arrived"
            time.sleep(LOOK_S)
        took = time.monotonic() - began
        used = farms.used_s(feed) - used
        assert not counters.all().get("ticks_conflated"), "the feed gave ticks up: this measured less"
        for shard in range(SHARDS):
            client.xtrim(KEYS.mailbox(shard), 0)
    return wanted / took, used / wanted * 1e6


def _received_us(port: int, sizes: Sequence[int]) -> float:
    """CPU for a tick of a process with aiohttp that only receives the frames."""
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_receive, args=(port, theirs))
    process.start()
    ours.recv()
    pushing.asked(port, f"prepare?who=bare&count={FRAMES}&sizes={quote(json.dumps(sizes))}", "POST")
    pushing.asked(port, "push?who=bare", "POST")
    used: float = ours.recv()
    process.join()
    return used / _ticks(sizes) * 1e6


def _receive(port: int, tell: Connection) -> None:
    asyncio.run(_receiving(port, tell))


async def _receiving(port: int, tell: Connection) -> None:
    names = list(map(pushes.venue_name, symbols(pushes.SYMBOLS)))
    size = SYMBOLS_PER_CONNECTION
    async with aiohttp.ClientSession() as session:
        url = f"ws://127.0.0.1:{port}/ws?who=bare"
        some = [(await session.ws_connect(url), names[first : first + size]) for first in range(0, len(names), size)]
        for socket, mine in some:
            await socket.send_json({"params": [pushes.CHANNEL + one for one in mine]})
            await socket.receive()
        began = time.process_time()
        tell.send(None)
        await asyncio.gather(*(_heard(socket, len(mine) * FRAMES) for socket, mine in some))
        tell.send(time.process_time() - began)


async def _heard(socket: aiohttp.ClientWebSocketResponse, frames: int) -> None:
    for _ in range(frames):
        await socket.receive()


def _ticks(sizes: Sequence[int]) -> int:
    return sum(islice(cycle(sizes), FRAMES)) * pushes.SYMBOLS


class Unlimited:
    """Nobody else asks this venue."""

    def acquire(self, endpoint: str, weight: int, priority: Priority, patience_s: float | None = None) -> None:
        """At once."""

    async def wait(self, endpoint: str, weight: int, priority: Priority, patience_s: float | None = None) -> None:
        """At once."""

    def pause(self, retry_after_s: float | None, status: int) -> None:
        """It never says so."""


def _hear(port: int, url: str) -> None:
    """The feed's process."""
    client = connect(url)
    feed = Feed(
        market=PublicMarket(f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/ws", Unlimited()),
        mailboxes=Mailboxes(client, KEYS, SHARDS, LIMITS),
        counters=Counters(client, KEYS),
        announce=Topics(client, KEYS),
        status=FeedStatus(client, KEYS),
        send_drain=lambda shard: None,
        now=lambda: datetime.now(UTC),
        symbols=symbols(pushes.SYMBOLS),
        habits=Habits(patience=Patience(confirm_s=60, catch_up_s=60)),
    )
    asyncio.run(serve(feed.run))


@contextmanager
def _feed(port: int, url: str) -> Iterator[psutil.Process]:
    """Up when it hears all symbols."""
    process: BaseProcess = get_context("spawn").Process(target=_hear, args=(port, url))
    process.start()
    try:
        with connect(url) as client:
            status = FeedStatus(client, KEYS)
            deadline = time.monotonic() + UP_S
            while not (status.read() or {}).get("ready"):
                assert process.is_alive(), "the feed has ended"
                assert time.monotonic() < deadline, f"the feed is not ready: {status.read()}"
                time.sleep(LOOK_S)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.join(10)
