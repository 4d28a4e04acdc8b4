"""The feed against the simulated venue and a real Redis: what is printed there arrives in the mailboxes."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

from app import wiring
from app.bus import Counters, FeedStatus, Keys, Limits, Mailboxes, Topics, connect
from app.domain.continuity import Print
from app.domain.errors import Unavailable
from app.exchanges.mexc.stream import PublicMarket
from app.store import migrate
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.venue import ServedVenue
from tests.unit.workers.test_outbox import until
from workers.feed import Feed, main, serve
from workers.feed_ports import Habits, Patience

QUICK = Habits(
    lateness_ms=50,
    mark_s=0.1,
    status_s=0.1,
    offset_s=0.2,
    hold_s=0.5,
    patience=Patience(confirm_s=2, catch_up_s=3, silent_s=0.3, redial_s=0.05, reach_s=1),
)

PATIENT = replace(QUICK, hold_s=60)  # a slow machine's time goes on without a line no sooner than it is whole again


class Scene:
    """A feed at work, and what is in the mailboxes."""

    def __init__(self, url: str, keys: Keys, venue: ServedVenue, symbols: list[str], habits: Habits) -> None:
        client = connect(url)
        self.client, self.keys, self.sent = client, keys, list[int]()
        self.mailboxes = Mailboxes(client, keys, 2, Limits(armed_ms=100))
        self.status = FeedStatus(client, keys)
        self.counters = Counters(client, keys)
        self.feed = Feed(
            market=PublicMarket(venue.rest_url, venue.ws_url),
            mailboxes=self.mailboxes,
            counters=self.counters,
            announce=Topics(client, keys),
            status=self.status,
            send_drain=self.sent.append,
            now=lambda: datetime.now(UTC),
            symbols=symbols,
            habits=habits,
        )

    def rows(self) -> list[Any]:
        return [row for shard in (0, 1) for frame in self.mailboxes.archive(shard).read(10_000) for row in frame.rows]

    def prices(self, symbol: str = "BTC/USDT") -> list[float]:
        return [row[2] for row in self.rows() if len(row) == 6 and row[0] == symbol]

    def marks(self, kind: str) -> list[Any]:
        return [row for row in self.rows() if row[0] == kind]

    def ready(self) -> bool:
        return bool((self.status.read() or {}).get("ready"))


@asynccontextmanager
async def running(
    url: str, keys: Keys, venue: ServedVenue, *symbols: str, habits: Habits = QUICK
) -> AsyncIterator[Scene]:
    scene = Scene(url, keys, venue, list(symbols) or ["BTC/USDT", "ETH/USDT"], habits)
    task = asyncio.create_task(scene.feed.run())
    try:
        yield scene
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        scene.client.close()


@pytest.fixture
def feed(
    redis_url: str, redis_client: "redis.Redis", keys: Keys, venue: ServedVenue
) -> Callable[..., contextlib.AbstractAsyncContextManager[Scene]]:
    """Begin a feed of some symbols."""
    return lambda *symbols, **options: running(redis_url, keys, venue, *symbols, **options)


async def printed(venue: ServedVenue, symbol: str, *prices: float) -> None:
    for price in prices:
        await asyncio.to_thread(venue.tick, symbol, price)


async def test_prints_arrive_as_ticks_in_order_with_times_that_rise(feed: Any, venue: ServedVenue) -> None:
    async with feed() as scene:
        await until(scene.ready)
        await printed(venue, "BTC/USDT", 64000.5, 64001, 64002)
        await printed(venue, "ETH/USDT", 3000)
        await until(lambda: scene.prices() == [64000.5, 64001, 64002] and scene.prices("ETH/USDT") == [3000])
        times = [row[1] for row in scene.rows() if row[0] == "BTC/USDT"]
        assert times == sorted(set(times))
        assert scene.sent
        await until(lambda: scene.marks("@"))
        assert {row[1] for row in scene.marks("=")} == {"BTC/USDT", "ETH/USDT"}
        assert scene.counters.all()["ticks_received"] == 4


async def test_what_was_printed_while_the_connection_was_down_is_filled_in(feed: Any, venue: ServedVenue) -> None:
    async with feed(habits=PATIENT) as scene:
        await until(scene.ready)
        await printed(venue, "BTC/USDT", 1, 2)
        await until(lambda: scene.prices() == [1, 2])
        await asyncio.to_thread(venue.fail, "dropped_websocket")
        await printed(venue, "BTC/USDT", 3, 4, 5)
        await until(lambda: len(scene.prices()) >= 5, PATIENCE_S)
        await printed(venue, "BTC/USDT", 6)
        await until(lambda: len(scene.prices()) >= 6, PATIENCE_S)

        assert scene.prices() == [1, 2, 3, 4, 5, 6]
        assert not scene.marks("!")


async def test_a_stream_that_is_connected_but_deaf_is_noticed(feed: Any, venue: ServedVenue) -> None:
    async with feed("BTC/USDT") as scene:
        await until(scene.ready)
        await printed(venue, "BTC/USDT", 1)
        await until(lambda: scene.prices() == [1])
        await asyncio.to_thread(venue.fail, "silent_websocket")
        await printed(venue, "BTC/USDT", 2)
        await until(lambda: (scene.status.read() or {}).get("stale") == ["BTC/USDT"], PATIENCE_S)
        await asyncio.to_thread(venue.heal)
        await until(lambda: scene.prices() == [1, 2], PATIENCE_S)


async def test_a_symbol_that_the_venue_does_not_list_is_named_with_its_cure(feed: Any) -> None:
    with capture_logs() as logs:
        async with feed("BTC/USDT", "ETHH/USDT", "QQQQQQQQ") as scene:
            await until(scene.ready)
            assert scene.status.read()["unknown"] == ["ETHH/USDT", "QQQQQQQQ"]

    errors = [(entry["symbol"], entry["cure"]) for entry in logs if entry["log_level"] == "error"]
    assert errors == [("ETHH/USDT", "did you mean ETH/USDT?"), ("QQQQQQQQ", "take it out of CDB_SYMBOLS")]


async def test_a_feed_that_begins_before_its_venue_waits_for_it(
    redis_url: str, redis_client: "redis.Redis", keys: Keys, venue: ServedVenue
) -> None:
    scene = Scene(redis_url, keys, venue, ["BTC/USDT"], QUICK)

    class Late(PublicMarket):
        tries = 0

        async def open(self) -> None:
            self.tries += 1
            if self.tries < 3:
                raise Unavailable("not yet")
            await super().open()

    scene.feed._market = Late(venue.rest_url, venue.ws_url)
    task = asyncio.create_task(scene.feed.run())
    await until(lambda: scene.status.read() is not None)
    await until(scene.ready)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    scene.client.close()


async def test_after_a_flush_the_feed_says_from_when_on_it_was_heard(
    feed: Any, venue: ServedVenue, redis_client: "redis.Redis"
) -> None:
    async with feed("BTC/USDT") as scene:
        await until(scene.ready)
        await printed(venue, "BTC/USDT", 1, 2, 3)
        await until(lambda: scene.prices() == [1, 2, 3])
        redis_client.flushall()
        await until(lambda: [row[1] for row in scene.marks("!")] == ["BTC/USDT"])
        await printed(venue, "BTC/USDT", 4)
        await until(lambda: scene.prices() == [4])


async def test_a_print_that_cannot_be_is_counted_and_left_out(feed: Any) -> None:
    async with feed("BTC/USDT") as scene:
        await until(scene.ready)
        now_ms = round(datetime.now(UTC).timestamp() * 1000)
        bad = [Print(now_ms, float("nan"), 1, "buy"), Print(now_ms, 1, -1, "buy"), Print(now_ms + 120_000, 1, 1, "buy")]
        with capture_logs() as logs:
            scene.feed.prints("BTC/USDT", [*bad, Print(now_ms, 7, 1, "buy"), bad[0]])
        await until(lambda: scene.prices() == [7])
        await until(lambda: scene.counters.all().get("ticks_bad") == 4)

    assert [entry["reason"].split()[0] for entry in logs] == ["price", "quantity", "time"]


async def test_an_outage_of_the_venue_is_said_and_survived(feed: Any, venue: ServedVenue) -> None:
    async with feed("BTC/USDT") as scene:
        await until(scene.ready)
        await asyncio.to_thread(venue.fail, "connection_dropped")
        await asyncio.to_thread(venue.fail, "dropped_websocket")
        await until(lambda: [row[1] for row in scene.marks("!")], PATIENCE_S)
        await asyncio.to_thread(venue.heal)
        await until(scene.ready, PATIENCE_S)
        await printed(venue, "BTC/USDT", 5)
        await until(lambda: scene.prices() == [5])


async def test_a_long_past_is_asked_for_in_pieces(venue: ServedVenue) -> None:
    for price in range(1, 40):
        await printed(venue, "BTC/USDT", price)
    market = PublicMarket(venue.rest_url, venue.ws_url)
    await market.open()
    now_ms = round(datetime.now(UTC).timestamp() * 1000)

    whole = await market.missed("BTC/USDT", now_ms - 7_200_000, now_ms + 1000)

    market.page = 10
    assert await market.missed("BTC/USDT", now_ms - 7_200_000, now_ms + 1000) == whole
    assert [one.price for one in whole] == [float(price) for price in range(1, 40)]
    await market.close()


async def test_a_feed_stops_when_it_is_told_to(
    redis_url: str, redis_client: "redis.Redis", keys: Keys, venue: ServedVenue
) -> None:
    scene = Scene(redis_url, keys, venue, ["BTC/USDT"], QUICK)
    turns: list[None] = []
    serving = asyncio.create_task(serve(scene.feed.run, lambda: turns.append(None)))
    await until(scene.ready)
    assert turns

    os.kill(os.getpid(), signal.SIGTERM)

    async with asyncio.timeout(5):
        await serving
    scene.client.close()


def test_the_feeds_process_takes_all_it_needs_from_the_settings(
    redis_url: str,
    redis_client: "redis.Redis",
    venue: ServedVenue,
    tmp_path: Path,
    farm_settings: Callable[..., None],
) -> None:
    farm_settings(
        CDB_DATA_DIR=tmp_path,
        CDB_DATABASE_URL=f"sqlite:///{tmp_path}/cdb.sqlite",
        CDB_REDIS_URL=redis_url,
        CDB_EXCHANGE_REST_URL=venue.rest_url,
        CDB_EXCHANGE_WS_URL=venue.ws_url,
        CDB_SYMBOLS="BTC/USDT",
    )
    migrate(wiring.database())
    status = FeedStatus(redis_client, Keys())

    def stop_when_ready() -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not (status.read() or {}).get("ready") and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=stop_when_ready)
    watcher.start()
    main()
    watcher.join()

    said = status.read()
    assert said is not None
    assert (said["ready"], said["subscribed"]) == (True, 1)


@pytest.fixture
def farm_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Set the farm's settings for one test."""

    def choose(**settings: object) -> None:
        for name, value in settings.items():
            monkeypatch.setenv(name, str(value))
        wiring.reset()

    yield choose
    wiring.reset()
