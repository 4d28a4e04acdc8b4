"""What the feed has heard and not yet delivered: bounded, so that a slow Redis costs ticks, never the feed."""

import asyncio
import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import structlog

from app.bus import BusError, Pushed
from workers.feed_ports import Mailboxes, Row

log = structlog.get_logger()

ROWS_AT_ONCE = 5_000
BUSY = 50_000  # rows a second from which on the pauses between pushes have their full length
RECENT_S = 0.1
SHORTEST_S = 0.001  # what an event loop can wait
PAUSE_S = 0.5
LAST_S = 1.0


class Outbox:
    """Rows on their way to the mailboxes.

    `limit` is in rows per shard, those that are being pushed not among them; beyond it the oldest ticks are given
    up, counted in `conflated`, and a `!` mark says so, unless `lossless`. `forgotten(shard)` is called when a mailbox
    has begun anew: Redis was flushed.
    `send_drain(shard)` may block; it runs in a thread, once at a time for each shard.
    """

    def __init__(
        self,
        mailboxes: Mailboxes,
        *,
        send_drain: Callable[[int], None],
        forgotten: Callable[[int], None],
        limit: int = 100_000,
        lossless: bool = False,
        flush_s: float = 0.004,
    ) -> None:
        self.conflated = 0
        self._mailboxes = mailboxes
        self._shard = cache(mailboxes.shard)
        self._send_drain = send_drain
        self._forgotten = forgotten
        self._limit = limit
        self._lossless = lossless
        self._flush_s = flush_s
        self._recent = 0.0  # rows of about the last RECENT_S, those of before fade
        self._counted_at = time.monotonic()
        self._rows: dict[int, list[Row]] = {shard: [] for shard in mailboxes.own}
        self._totals = dict.fromkeys(mailboxes.own, 0)
        self._filled = asyncio.Event()
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._pusher = ThreadPoolExecutor(1, "push")
        self._senders = ThreadPoolExecutor(len(mailboxes.own), "send")

    @property
    def waiting(self) -> int:
        """Rows that are neither delivered nor on their way."""
        return sum(map(len, self._rows.values()))

    def put(self, symbol: str, rows: Sequence[Row]) -> None:
        """Rows of one symbol, in order."""
        self._put(self._shard(symbol), rows)

    def put_everywhere(self, row: Row) -> None:
        """One row into every mailbox of this feed: a clock mark."""
        for shard in self._mailboxes.own:
            self._put(shard, [row])

    async def run(self) -> None:
        """Deliver, for ever: at once, then what came in meanwhile as one frame; a busy market in fewer, larger ones."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            if not await self._deliver():
                await asyncio.sleep(PAUSE_S)
                self._filled.set()
            pause_s = self._flush_s * min(1.0, self._recent / RECENT_S / BUSY)
            if pause_s >= SHORTEST_S:
                await asyncio.sleep(pause_s)

    async def close(self) -> None:
        """Deliver what is left, if that is quick, and let the threads go."""
        with contextlib.suppress(TimeoutError):  # the next feed asks the venue for it
            await asyncio.wait_for(self._deliver(), LAST_S)
        self._pusher.shutdown(wait=False, cancel_futures=True)
        self._senders.shutdown(wait=False, cancel_futures=True)

    def _put(self, shard: int, rows: Sequence[Row]) -> None:
        waiting = self._rows[shard]
        waiting += rows
        self._filled.set()
        if len(waiting) > self._limit and not self._lossless:
            self._conflate(shard)

    async def _deliver(self) -> bool:
        """Push what there is; False when the bus did not take it all."""
        left = {shard: rows for shard, rows in self._rows.items() if rows}
        if not left:
            return True
        self._rows |= {shard: [] for shard in left}
        self._count(sum(map(len, left.values())))
        for shard, pushed in await asyncio.get_running_loop().run_in_executor(self._pusher, self._push, left):
            self._delivered(shard, pushed)
        for shard, rows in left.items():
            self._rows[shard][:0] = rows
        if self.waiting:
            self._filled.set()
        return not any(left.values())

    def _push(self, left: dict[int, list[Row]]) -> list[tuple[int, Pushed]]:
        """Frame after frame until nothing is left, or no mailbox takes any: what became of each.

        Here, in the pusher's thread: an event loop with much to read comes round a few times a second only.
        """
        told: list[tuple[int, Pushed]] = []
        going = set(left)
        while going:
            frames = {shard: left[shard][:ROWS_AT_ONCE] for shard in going}
            try:
                pushed = self._mailboxes.push(frames)
            except BusError as error:  # kept, and tried again: a frame that did arrive is recognised by its times
                log.warning("mailboxes do not answer", reason=str(error), waiting=sum(map(len, left.values())))
                break
            told += pushed.items()
            for shard, one in pushed.items():
                if one.taken:
                    del left[shard][: len(frames[shard])]
                if not one.taken or not left[shard]:
                    going.remove(shard)
        return told

    def _count(self, rows: int) -> None:
        now = time.monotonic()
        self._recent = self._recent * math.exp((self._counted_at - now) / RECENT_S) + rows
        self._counted_at = now

    def _delivered(self, shard: int, pushed: Pushed) -> None:
        if pushed.armed:
            self._send(shard)
        if not pushed.taken:
            return
        if pushed.total < self._totals[shard]:
            self._forgotten(shard)
        self._totals[shard] = pushed.total

    def _send(self, shard: int) -> None:
        if shard not in self._sending:
            self._sending[shard] = asyncio.create_task(self._sent(shard))

    async def _sent(self, shard: int) -> None:
        """A drain that could not be sent is asked for again when its arming has run out."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._senders, self._send_drain, shard)
        except Exception as error:  # noqa: BLE001  whatever the broker's client raises, the feed goes on
            log.warning("drain could not be sent", shard=shard, reason=f"{type(error).__name__}: {error}")
        finally:
            del self._sending[shard]

    def _conflate(self, shard: int) -> None:
        """Give up the older half of the ticks; the marks stay, and one says what is lost of which symbol."""
        rows = self._rows[shard]
        older = rows[: len(rows) // 2]
        lost = {row[0]: row[1] for row in older if len(row) == 6}
        dropped = Counter(len(row) for row in older)[6]
        told: list[Row] = [row for row in older if len(row) == 3 and row[0] != "@"]
        told += [("!", symbol, last_us + 1) for symbol, last_us in lost.items()]
        rows[: len(older)] = told
        self.conflated += dropped
        log.warning("ticks given up: mailbox is not emptied", shard=shard, ticks=dropped)
