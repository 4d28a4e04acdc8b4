"""Memory does not grow with time: neither a feed's and a drain's, nor Redis', nor that of a worker's children."""

import asyncio
import contextlib
import gc
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psutil
import redis

from app import store
from app.bus import Counters, FeedStatus, Keys, Limits, Mailboxes, Topics, Windows, connect
from app.celery import farm
from app.domain.continuity import Print
from app.domain.market import BarClose, Tick
from app.domain.window import ROW_BYTES
from app.steps.archive_ticks import archive_ticks
from app.steps.drain import drain
from app.store import Database
from tests.fixtures import _trial_tasks as trial
from tests.fixtures._forks import Program
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.fakes import MemoryFarm, MemoryHandOn
from tests.fixtures.workers import log, outcome, seen, until
from tests.unit.workers.test_line import MemoryStream, MemoryVenue
from tests.unit.workers.test_outbox import until as when
from workers.feed import Feed
from workers.feed_ports import Habits, Patience

SYMBOLS = tuple(f"S{number}/USDT" for number in range(200))
SHARDS, KEEP = 2, 5
ROUNDS, PRINTS = 20, 50  # of each symbol: 200,000 ticks
MINUTE_MS = 60_000
QUICK = Patience(confirm_s=1, catch_up_s=2, silent_s=60, redial_s=0.01)


class Crowd(MemoryVenue):
    """A venue with many symbols on one connection."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = MemoryStream(*SYMBOLS)

    async def open(self) -> None:
        """It is there."""

    def symbols(self) -> Sequence[str]:
        return SYMBOLS

    def streams(self, symbols: Sequence[str]) -> Sequence[MemoryStream]:
        return [self.stream]

    async def behind_s(self, venue_ms: int | None) -> Sequence[tuple[MemoryStream, float]]:
        return [(self.stream, 0.0)]

    async def offset_ms(self, now_ms: Callable[[], int]) -> int:
        return 0

    async def close(self) -> None:
        await self.stream.close()


class Sink:
    """An archive that keeps nothing."""

    def archive(self, ticks: Sequence[Tick], source: str) -> int:
        return len(ticks)


class Searching(MemoryHandOn):
    """Reads the windows of the bars that have closed, and remembers nothing."""

    def __init__(self, windows: Windows) -> None:
        super().__init__()
        self._windows = windows

    def closes(self, closes: Sequence[BarClose], frame: str, received_us: int) -> None:
        for close in closes:
            self._windows.read(close, KEEP)


@dataclass(frozen=True)
class Size:
    """Live blocks of Python's memory and the process's in bytes; keys and bytes of Redis."""

    blocks: int
    resident: int
    keys: int
    redis: int


class Soak:
    """A feed, a drain, an archiver and windows, over a real Redis and SQLite."""

    def __init__(self, url: str, keys: Keys, database: Database, memory: MemoryFarm) -> None:
        self.client, self.worker, self.memory = connect(url), connect(url), memory
        self.venue = Crowd()
        self.bars = store.Bars(database)
        limits = Limits(armed_ms=100)
        self.mailboxes = Mailboxes(self.worker, keys, SHARDS, limits)
        self.searching = Searching(Windows(self.worker, keys, self.bars, keep=KEEP))
        self.status = FeedStatus(self.client, keys)
        self.ms = round(time.time() * 1000) - 2 * 60 * MINUTE_MS
        self.ms -= self.ms % MINUTE_MS
        self.drained = 0
        self.feed = Feed(
            market=self.venue,
            mailboxes=Mailboxes(self.client, keys, SHARDS, limits),
            counters=Counters(self.client, keys),
            announce=Topics(self.client, keys),
            status=self.status,
            send_drain=lambda shard: None,
            now=lambda: datetime.now(UTC),
            symbols=SYMBOLS,
            habits=Habits(mark_s=0.05, status_s=0.05, lateness_ms=0, patience=QUICK),
        )

    async def round(self) -> None:
        """A minute of the market, heard, drained, archived and looked at; then the connection is lost and made anew."""
        await when(lambda: (self.status.read() or {}).get("ready"), PATIENCE_S)
        for step in range(PRINTS):
            at_ms = self.ms + step * (MINUTE_MS // PRINTS)
            for symbol in SYMBOLS:
                self.venue.stream.say(symbol, Print(at_ms, 100.0 + step, 1.0, "buy"))
            await asyncio.sleep(0)
        self.ms += MINUTE_MS
        wanted = self.drained + PRINTS * len(SYMBOLS)
        async with asyncio.timeout(20):
            while self.drained < wanted:
                self.drained += await asyncio.to_thread(self._drain)
        dials = self.venue.stream.dials
        self.venue.stream.cut()
        await when(lambda: self.venue.stream.dials > dials)
        self.venue.asked.clear()

    def _drain(self) -> int:
        ticks = sum(self._drained(shard) for shard in range(SHARDS))
        for shard in range(SHARDS):
            archive_ticks(shard, mailboxes=self.mailboxes, ticks=Sink(), source="soak")
        return ticks

    def _drained(self, shard: int) -> int:
        return drain(
            shard,
            mailboxes=self.mailboxes,
            bars=self.bars,
            signals=self.memory.signals,
            trades=self.memory.trades,
            hand_on=self.searching,
            announce=self.memory.announce,
            again=lambda shard: None,
            intervals=("1m",),
            window_size=KEEP,
            look_ms=1,
            linger_s=0,
            budget_s=1,
            others_wait=bool,
            now=lambda: datetime.now(UTC),
        )

    def size(self) -> Size:
        gc.collect()
        info: Any = self.worker.info("memory")
        keys: Any = self.worker.dbsize()
        resident = psutil.Process().memory_info().rss
        return Size(sys.getallocatedblocks(), resident, keys, info["used_memory"])


@asynccontextmanager
async def running(soak: Soak) -> AsyncIterator[Soak]:
    task = asyncio.create_task(soak.feed.run())
    try:
        yield soak
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        soak.client.close()
        soak.worker.close()


async def test_f35_a_feed_that_hears_a_market_for_long_grows_no_more(
    redis_url: str, redis_client: "redis.Redis", keys: Keys, sqlite: Database, memory: MemoryFarm
) -> None:
    async with running(Soak(redis_url, keys, sqlite, memory)) as soak:
        for _ in range(ROUNDS // 2):
            await soak.round()
        half = soak.size()
        for _ in range(ROUNDS // 2):
            await soak.round()
        whole = soak.size()

    assert soak.drained == ROUNDS * PRINTS * len(SYMBOLS)
    assert soak.venue.stream.dials == ROUNDS + 1
    assert KEEP <= redis_client.strlen(keys.window(SYMBOLS[0], "1m")) // ROW_BYTES < KEEP + 64
    assert whole.keys <= half.keys + 3  # a lease or an arming may be there or not
    assert whole.redis - half.redis < 300_000
    assert whole.blocks - half.blocks < 5_000, "fewer than one for twenty ticks"
    assert whole.resident - half.resident < 10_000_000


def test_f35_a_child_that_has_grown_past_its_limit_is_replaced_while_work_goes_on(celery: Callable[..., Any]) -> None:
    process: Program = celery(
        "worker", "-Q", "orders", "-c", "2", "-I", "tests.fixtures._trial_tasks", "--without-gossip",
        "--without-mingle", "--max-memory-per-child", "300000",
    )  # fmt: skip
    until(lambda: "ready" in log(), "the worker's start")
    first = {child.pid for child in psutil.Process(process.pid).children()}
    work = [trial.grow.s(f"G{one}", 50).apply_async() for one in range(20)]

    assert [outcome(one) for one in work] == [("SUCCESS", f"G{one}") for one in range(20)]
    events = [event.split() for event in seen()]
    assert sorted(key for _, key, _, _ in events) == sorted(f"G{one}" for one in range(20))  # none lost, none twice
    pids = {int(pid) for _, _, pid, _ in events}
    assert first < pids, "others have taken their places"
    assert max(int(mebibytes) for *_, mebibytes in events) < 600
    assert process.poll() is None
    assert 0 < farm.conf.worker_max_memory_per_child <= 400_000, "in KiB: the farm's own workers have a limit too"
