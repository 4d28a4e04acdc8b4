"""The feed's outbox: what happens to ticks when mailboxes are slow, full, gone or new."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from app.bus import BusError, Pushed
from workers.outbox import Outbox


def tick(number: int, symbol: str = "BTC/USDT") -> tuple[Any, ...]:
    return (symbol, number, 1.0, 1.0, "buy", number)


class MemoryMailboxes:
    """Two mailboxes; ETH has the second."""

    own: Sequence[int] = (0, 1)

    def __init__(self) -> None:
        self.frames: list[tuple[int, list[Any]]] = []
        self.troubles: list[Exception | None] = []
        self.takes = True
        self.full: set[int] = set()
        self.armed = False
        self.totals = [0, 0]
        self.gate = threading.Event()
        self.gate.set()

    def shard(self, symbol: str) -> int:
        return int(symbol == "ETH/USDT")

    def push(self, frames: Mapping[int, Sequence[Any]]) -> dict[int, Pushed]:
        self.gate.wait(5)
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not None:
            raise trouble
        return {shard: self._take(shard, list(rows)) for shard, rows in frames.items()}

    def has(self, count: int) -> bool:
        """So many rows in the first."""
        return len(self.rows()) == count

    def rows(self, shard: int = 0) -> list[Any]:
        return [row for one, rows in self.frames if one == shard for row in rows]

    def _take(self, shard: int, rows: list[Any]) -> Pushed:
        takes = self.takes and shard not in self.full
        if takes:
            self.frames.append((shard, rows))
            self.totals[shard] += len(rows)
        return Pushed(takes, self.armed, self.totals[shard])


@asynccontextmanager
async def running(mailboxes: MemoryMailboxes, **habits: Any) -> AsyncIterator[Outbox]:
    calls: dict[str, Any] = {"send_drain": lambda shard: None, "forgotten": lambda shard: None, "flush_s": 0}
    outbox = Outbox(mailboxes, **(calls | habits))
    task = asyncio.create_task(outbox.run())
    yield outbox
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    mailboxes.gate.set()
    await outbox.close()


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)


async def test_rows_go_to_the_mailbox_of_their_symbol_in_order() -> None:
    mailboxes = MemoryMailboxes()
    async with running(mailboxes) as outbox:
        outbox.put("BTC/USDT", [tick(1), tick(2)])
        outbox.put("ETH/USDT", [tick(3, "ETH/USDT")])
        outbox.put_everywhere(("@", 4, 4))
        await until(lambda: not outbox.waiting and len(mailboxes.frames) == 2)

    assert mailboxes.rows(0) == [tick(1), tick(2), ("@", 4, 4)]
    assert mailboxes.rows(1) == [tick(3, "ETH/USDT"), ("@", 4, 4)]


async def test_what_comes_in_during_a_push_is_the_next_frame() -> None:
    mailboxes = MemoryMailboxes()
    mailboxes.gate.clear()
    async with running(mailboxes) as outbox:
        outbox.put("BTC/USDT", [tick(1)])
        await asyncio.sleep(0.02)
        for number in range(2, 50):
            outbox.put("BTC/USDT", [tick(number)])
        mailboxes.gate.set()
        await until(lambda: len(mailboxes.rows()) == 49)

    assert [len(rows) for _, rows in mailboxes.frames] == [1, 48]


async def test_a_busy_market_is_put_into_fewer_frames_and_a_quiet_one_waits_for_nothing() -> None:
    mailboxes = MemoryMailboxes()
    async with running(mailboxes, flush_s=0.5) as outbox:
        for number in range(1, 11):
            outbox.put("BTC/USDT", [tick(number)])
            await until(partial(mailboxes.has, number))
        assert len(mailboxes.frames) == 10, "each by itself"

        outbox.put("BTC/USDT", [tick(number) for number in range(11, 5_011)])
        await until(lambda: len(mailboxes.rows()) == 5_010)
        for number in range(5_011, 5_111):
            outbox.put("BTC/USDT", [tick(number)])
            await asyncio.sleep(0)
        await until(lambda: len(mailboxes.rows()) == 5_110)

    assert len(mailboxes.frames) == 12, "a hundred that came in during a pause are one"


async def test_much_is_delivered_frame_by_frame_while_the_loop_is_busy_with_something_else() -> None:
    mailboxes = MemoryMailboxes()
    mailboxes.gate.clear()
    async with running(mailboxes) as outbox:
        outbox.put("BTC/USDT", [tick(number) for number in range(12_000)])
        await until(lambda: not outbox.waiting)
        mailboxes.gate.set()
        deadline = time.monotonic() + 5
        while len(mailboxes.rows()) < 12_000 and time.monotonic() < deadline:
            time.sleep(0.001)

        assert [len(rows) for _, rows in mailboxes.frames] == [5_000, 5_000, 2_000]
        assert mailboxes.rows() == [tick(number) for number in range(12_000)]


async def test_a_redis_that_fails_amid_much_gets_the_rest_again_in_order() -> None:
    mailboxes = MemoryMailboxes()
    mailboxes.troubles = [None, BusError("gone")]
    async with running(mailboxes) as outbox:
        outbox.put("BTC/USDT", [tick(number) for number in range(12_000)])
        await until(lambda: mailboxes.frames)
        outbox.put("BTC/USDT", [tick(12_000)])
        await until(lambda: len(mailboxes.rows()) > 12_000)

    assert mailboxes.rows() == [tick(number) for number in range(12_001)]


async def test_a_mailbox_that_is_full_leaves_the_other_all_of_its_rows() -> None:
    mailboxes = MemoryMailboxes()
    mailboxes.full = {0}
    async with running(mailboxes) as outbox:
        outbox.put("BTC/USDT", [tick(1)])
        outbox.put("ETH/USDT", [tick(number, "ETH/USDT") for number in range(12_000)])
        await until(lambda: len(mailboxes.rows(1)) == 12_000)
        assert not mailboxes.rows(0)
        mailboxes.full.clear()
        await until(lambda: mailboxes.rows(0))

    assert mailboxes.rows(0) == [tick(1)]


async def test_a_redis_that_fails_gets_the_same_rows_again() -> None:
    mailboxes = MemoryMailboxes()
    mailboxes.troubles = [BusError("gone")]
    async with running(mailboxes) as outbox:
        outbox.put("BTC/USDT", [tick(1)])
        await asyncio.sleep(0.05)
        outbox.put("BTC/USDT", [tick(2)])
        await until(lambda: len(mailboxes.rows()) == 2)

    assert mailboxes.rows() == [tick(1), tick(2)]


async def test_a_mailbox_that_stays_full_costs_the_oldest_ticks_and_says_so() -> None:
    mailboxes = MemoryMailboxes()
    mailboxes.takes = False
    async with running(mailboxes, limit=10) as outbox:
        outbox.put("BTC/USDT", [("=", "BTC/USDT", 0), ("@", 0, 0)])
        for number in range(1, 10):
            outbox.put("BTC/USDT", [tick(number)])
        assert outbox.conflated == 3
        mailboxes.takes = True
        await until(lambda: len(mailboxes.rows()) == 8)

    assert mailboxes.rows() == [
        ("=", "BTC/USDT", 0),
        ("!", "BTC/USDT", 4),
        *(tick(number) for number in range(4, 10)),
    ]


async def test_a_lossless_outbox_gives_up_nothing() -> None:
    mailboxes = MemoryMailboxes()
    mailboxes.takes = False
    async with running(mailboxes, limit=3, lossless=True) as outbox:
        outbox.put("BTC/USDT", [tick(number) for number in range(1, 20)])
        await asyncio.sleep(0.01)
        mailboxes.takes = True
        await until(lambda: len(mailboxes.rows()) == 19)

    assert outbox.conflated == 0


async def test_a_drain_is_sent_when_the_mailbox_asks_and_only_one_at_a_time() -> None:
    mailboxes, sent, gate = MemoryMailboxes(), [], threading.Event()
    mailboxes.armed = True

    def send(shard: int) -> None:
        sent.append(shard)
        gate.wait(5)

    async with running(mailboxes, send_drain=send) as outbox:
        for number in range(5):
            outbox.put("BTC/USDT", [tick(number)])
            await until(lambda: not outbox.waiting)
        await until(lambda: len(mailboxes.rows()) == 5)
        assert sent == [0]
        gate.set()


async def test_a_broker_that_fails_does_not_stop_the_feed() -> None:
    mailboxes, tried = MemoryMailboxes(), []
    mailboxes.armed = True

    def send(shard: int) -> None:
        tried.append(shard)
        raise OSError("no broker")

    async with running(mailboxes, send_drain=send) as outbox:
        outbox.put("BTC/USDT", [tick(1)])
        await until(lambda: len(tried) == 1)
        await asyncio.sleep(0.01)
        outbox.put("BTC/USDT", [tick(2)])
        await until(lambda: len(tried) == 2)

    assert mailboxes.rows() == [tick(1), tick(2)]


async def test_a_mailbox_that_begins_anew_was_forgotten() -> None:
    mailboxes = MemoryMailboxes()
    forgotten: list[int] = []
    async with running(mailboxes, forgotten=forgotten.append) as outbox:
        outbox.put("BTC/USDT", [tick(1), tick(2)])
        await until(lambda: len(mailboxes.rows()) == 2)
        mailboxes.totals = [0, 0]
        outbox.put("BTC/USDT", [tick(3)])
        await until(lambda: forgotten)

    assert forgotten == [0]


async def test_what_is_left_is_delivered_at_the_end() -> None:
    mailboxes = MemoryMailboxes()
    outbox = Outbox(mailboxes, send_drain=lambda shard: None, forgotten=lambda shard: None)
    outbox.put("BTC/USDT", [tick(1)])

    await outbox.close()

    assert mailboxes.rows() == [tick(1)]


async def test_a_redis_that_hangs_does_not_hold_up_the_end() -> None:
    mailboxes = MemoryMailboxes()
    mailboxes.gate.clear()
    outbox = Outbox(mailboxes, send_drain=lambda shard: None, forgotten=lambda shard: None)
    outbox.put("BTC/USDT", [tick(1)])
    async with asyncio.timeout(3):
        await outbox.close()
    mailboxes.gate.set()
