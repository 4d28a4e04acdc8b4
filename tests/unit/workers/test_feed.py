"""The feed without a network: its troubles are said, counted and survived."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.bus import BusError
from app.domain.errors import Unavailable
from tests.fixtures.fakes import MemoryTopics
from tests.unit.workers.test_line import BTC, QUICK, MemoryStream, MemoryVenue, a_print
from tests.unit.workers.test_outbox import MemoryMailboxes, until
from workers.feed import Feed, serve
from workers.feed_ports import Habits, SentUntil

NOON = datetime(2024, 11, 20, 12, 1, 30, tzinfo=UTC)
HABITS: dict[str, Any] = {
    "lateness_ms": 0,
    "mark_s": 0.02,
    "status_s": 0.02,
    "offset_s": 0.02,
    "hold_s": 0.05,
    "patience": QUICK,
}


class MemoryMarket(MemoryVenue):
    """A venue with one symbol."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = MemoryStream(BTC)
        self.measured = 0
        self.clock_fails = self.is_away = False
        self.is_read_up = True

    async def open(self) -> None:
        """It is there, or not."""
        if self.is_away:
            raise Unavailable("no answer")

    def symbols(self) -> Sequence[str]:
        return [BTC]

    def streams(self, symbols: Sequence[str]) -> Sequence[MemoryStream]:
        return [self.stream]

    async def behind_s(self, venue_ms: int | None) -> Sequence[tuple[MemoryStream, float]]:
        return [(self.stream, 0.0)] if self.is_read_up else []

    async def offset_ms(self, now_ms: Callable[[], int]) -> int:
        self.measured += 1
        if self.clock_fails:
            raise Unavailable("no answer")
        return 250

    async def close(self) -> None:
        await self.stream.close()


class Sheet:
    """Status and counters; `fails` so many times."""

    def __init__(self) -> None:
        self.status: Mapping[str, Any] = {}
        self.counts: dict[str, int] = {}
        self.fails = 0

    def write(self, status: Mapping[str, Any]) -> None:
        if self.fails:
            self.fails -= 1
            raise BusError("gone")
        self.status = dict(status)

    def add(self, **counts: int) -> None:
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count


class Scene:
    def __init__(
        self,
        *,
        sent_until: SentUntil | None = None,
        beside: Callable[[], Mapping[str, Any]] = dict,
        **habits: Any,
    ) -> None:
        self.market, self.mailboxes, self.sheet, self.topics = (
            MemoryMarket(),
            MemoryMailboxes(),
            Sheet(),
            MemoryTopics(),
        )
        self.feed = Feed(
            market=self.market,
            mailboxes=self.mailboxes,
            counters=self.sheet,
            announce=self.topics,
            status=self.sheet,
            send_drain=lambda shard: None,
            now=lambda: NOON,
            symbols=[BTC],
            habits=Habits(**(HABITS | habits)),
            sent_until=sent_until,
            beside=beside,
        )

    def ready(self) -> bool:
        return bool(self.sheet.status.get("ready"))


@asynccontextmanager
async def running(scene: Scene) -> AsyncIterator[Scene]:
    task = asyncio.create_task(scene.feed.run())
    yield scene
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_feed_without_a_venue_is_alive_all_the_same() -> None:
    scene, turns = Scene(), list[None]()
    scene.market.is_away = True
    serving = asyncio.create_task(serve(scene.feed.run, lambda: turns.append(None)))
    await until(lambda: len(turns) > 2)

    assert not scene.ready()
    serving.cancel()
    await serving


async def test_a_feed_that_cannot_report_goes_on_and_reports_later() -> None:
    scene = Scene()
    scene.sheet.fails = 2
    with capture_logs() as logs:
        async with running(scene):
            scene.feed.prints(BTC, [a_print(0, -1.0)])
            await until(scene.ready)
            await until(lambda: scene.sheet.counts.get("ticks_bad") == 1)

    assert [entry["event"] for entry in logs].count("feed cannot report") == 2


async def test_the_clock_is_marked_with_the_venues_time() -> None:
    async with running(Scene()) as scene:
        await until(lambda: scene.mailboxes.rows(1))

    assert scene.mailboxes.rows(1)[0][:2] == ("@", round(NOON.timestamp() * 1e6) + 250_000)


async def test_the_clock_stands_still_while_something_that_came_in_is_unread() -> None:
    sent: list[int] = []

    def sent_until() -> int:
        sent.append(len(sent) + 1)
        return len(sent)

    async with running(Scene(lossless=True, sent_until=sent_until, hold_s=60)) as scene:
        await until(lambda: scene.mailboxes.rows(1))
        scene.market.is_read_up = False
        asked = len(sent)
        await until(lambda: len(sent) > asked + 2)
        stood_at = scene.mailboxes.rows(1)[-1][1]
        await until(lambda: len(sent) > asked + 5)
        assert scene.mailboxes.rows(1)[-1][1] == stood_at

        scene.market.is_read_up = True
        await until(lambda: scene.mailboxes.rows(1)[-1][1] > asked + 5)


async def test_a_venue_that_does_not_tell_its_time_leaves_the_last_measurement() -> None:
    async with running(Scene()) as scene:
        await until(scene.ready)
        scene.market.clock_fails = True
        asked = scene.market.measured
        await until(lambda: scene.market.measured > asked + 1)

        assert scene.sheet.status["offset_ms"] == 250


async def test_what_runs_beside_the_feed_is_told_with_its_status() -> None:
    scene = Scene(beside=lambda: {"private": "down"})
    async with running(scene):
        await until(scene.ready)

    assert scene.sheet.status["private"] == "down"


async def test_a_replay_takes_the_farms_clock_for_the_venues() -> None:
    async with running(Scene(lossless=True)) as scene:
        await until(lambda: scene.mailboxes.rows(1))

    assert scene.market.measured == 0
    assert scene.mailboxes.rows(1)[0][1] == round(NOON.timestamp() * 1e6)


async def test_a_replay_marks_no_time_until_which_it_was_not_sent_everything() -> None:
    told: list[int | None] = [None, 7_000_000]
    unheard = iter(range(2))

    def sent_until() -> int | None:
        if next(unheard, None) is not None:
            raise Unavailable("busy")
        return told.pop(0) if len(told) > 1 else told[0]

    async with running(Scene(lossless=True, sent_until=sent_until)) as scene:
        await until(lambda: scene.mailboxes.rows(1))

    assert {row[1] for row in scene.mailboxes.rows(1)} == {7_000_000}


async def test_a_replay_whose_clock_is_not_known_yet_takes_its_ticks() -> None:
    a_day_ms = 86_400_000
    async with running(Scene(lossless=True)) as scene:
        await until(scene.ready)
        scene.market.stream.say(BTC, a_print(a_day_ms, 5.0))
        await until(lambda: [row for row in scene.mailboxes.rows(0) if row[0] == BTC])

    assert scene.sheet.counts.get("ticks_bad", 0) == 0


async def test_a_tick_far_ahead_of_the_clock_is_none_on_a_market_that_lives() -> None:
    async with running(Scene()) as scene:
        await until(scene.ready)
        scene.market.stream.say(BTC, a_print(86_400_000, 5.0))
        await until(lambda: scene.sheet.counts.get("ticks_bad") == 1)


async def test_the_clock_goes_on_without_a_connection_that_stays_behind_and_says_what_it_lacks() -> None:
    scene = Scene(patience=Habits().patience)
    scene.market.answers.clear()
    async with running(scene):
        await until(lambda: [row[0] for row in scene.mailboxes.rows(0)][:2] == ["!", "@"])
        assert not scene.ready()


async def test_last_prices_are_announced_together() -> None:
    async with running(Scene()) as scene:
        await until(scene.ready)
        scene.market.stream.say(BTC, a_print(0, 5.0), a_print(1, 6.0))
        await until(lambda: scene.topics.told)

    assert scene.topics.told == [("market_data", {"prices": {BTC: 6.0}})]


async def test_prices_of_many_symbols_are_announced_in_several_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.feed.PRICES_A_MESSAGE", 2)
    async with running(Scene()) as scene:
        await until(scene.ready)
        for name in ("A/USDT", "B/USDT", "C/USDT"):
            scene.feed.prints(name, [a_print(0, 5.0)])
        await until(lambda: len(scene.topics.told) > 1)

    assert [list(data["prices"]) for _, data in scene.topics.told] == [["A/USDT", "B/USDT"], ["C/USDT"]]
