"""A connection's life: it catches up after each silence, and notices when it is deaf."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.domain.continuity import Print
from app.domain.errors import Unavailable
from tests.unit.workers.test_outbox import until
from workers.feed_ports import Habits, Patience
from workers.line import Line
from workers.venue_clock import VenueClock

BTC, ETH = "BTC/USDT", "ETH/USDT"
NOW_MS = 1_732_104_090_000
QUICK = Patience(confirm_s=0.2, catch_up_s=0.3, silent_s=0.03, redial_s=0.01)


def a_print(ms: int, price: float = 100.0) -> Print:
    return Print(NOW_MS + ms, price, 1.0, "buy")


class MemoryStream:
    """A connection that hears what the test says."""

    def __init__(self, *symbols: str) -> None:
        self.symbols = symbols
        self.confirmed: set[str] = set()
        self.refused: dict[str, str] = {}
        self.broken = 0
        self.dials = 0
        self.dropped = 0
        self.deny: dict[str, str] = {}
        self._hear: Callable[[str, list[Print]], None] | None = None
        self._end = asyncio.Event()

    async def listen(self, hear: Callable[[str, list[Print]], None]) -> None:
        self.dials += 1
        self.confirmed = set(self.symbols) - self.deny.keys()
        self.refused = dict(self.deny)
        self._hear, self._end = hear, asyncio.Event()
        await self._end.wait()
        self._hear = None
        raise Unavailable("cut")

    def say(self, symbol: str, *prints: Print) -> None:
        assert self._hear is not None
        self._hear(symbol, list(prints))

    def cut(self) -> None:
        self._end.set()

    async def drop(self) -> None:
        self.dropped += 1
        self._end.set()

    async def close(self) -> None:
        self._end.set()


class MemoryVenue:
    """Remembers prints; an answer can be made to wait or to fail."""

    def __init__(self) -> None:
        self.prints: dict[str, list[Print]] = {}
        self.asked: list[tuple[str, int]] = []
        self.down = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def missed(self, symbol: str, since_ms: int, until_ms: int) -> list[Print]:
        self.asked.append((symbol, since_ms))
        await self.answers.wait()
        if self.down:
            raise Unavailable("no answer")
        return [one for one in self.prints.get(symbol, []) if since_ms <= one.ms <= until_ms]


class Told:
    """What the line reports."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def prints(self, symbol: str, prints: Iterable[Print]) -> None:
        self.events += [(symbol, one.ms - NOW_MS) for one in prints]

    def covered(self, symbol: str, since_ms: int) -> None:
        self.events.append(("=", symbol, since_ms - NOW_MS))

    def lost(self, symbol: str) -> None:
        self.events.append(("!", symbol))


class Scene:
    def __init__(self, *symbols: str, patience: Patience = QUICK) -> None:
        self.stream, self.venue, self.told = MemoryStream(*symbols), MemoryVenue(), Told()
        self.now_ms = NOW_MS
        self.line = Line(self.stream, self.venue, self.told, lambda: self.now_ms, patience)

    async def complete(self) -> None:
        await until(lambda: self.line.behind_since is None)


@asynccontextmanager
async def scene(*symbols: str, **changes: Any) -> AsyncIterator[Scene]:
    one = Scene(*(symbols or (BTC,)), **changes)
    task = asyncio.create_task(one.line.run())
    yield one
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_it_begins_with_what_happened_since_a_whole_minute() -> None:
    async with scene() as one:
        one.venue.prints[BTC] = [a_print(-70_000), a_print(-500)]
        await one.complete()
        one.stream.say(BTC, a_print(10))

    assert one.told.events == [("=", BTC, -90_000), (BTC, -70_000), (BTC, -500), (BTC, 10)]


async def test_live_prints_wait_until_the_past_is_told() -> None:
    async with scene() as one:
        one.venue.answers.clear()
        one.venue.prints[BTC] = [a_print(-500), a_print(5)]
        await until(lambda: one.venue.asked)
        one.stream.say(BTC, a_print(5), a_print(7))
        assert one.told.events == []
        one.venue.answers.set()
        await one.complete()

    assert one.told.events == [("=", BTC, -90_000), (BTC, -500), (BTC, 5), (BTC, 7)]


async def test_a_stream_that_is_behind_the_venues_answer_tells_nothing_twice() -> None:
    async with scene() as one:
        one.venue.prints[BTC] = [a_print(-500), a_print(5), a_print(6)]
        await one.complete()
        one.stream.say(BTC, a_print(5), a_print(6), a_print(7))
        one.stream.say(BTC)
        one.stream.say(BTC, a_print(20_000))
        one.stream.say(BTC, a_print(5))

    assert one.told.events == [("=", BTC, -90_000), *((BTC, ms) for ms in (-500, 5, 6, 7, 20_000, 5))]


async def test_after_a_drop_what_was_missed_is_filled_in_once() -> None:
    async with scene() as one:
        await one.complete()
        one.stream.say(BTC, a_print(10), a_print(20), a_print(20, 101))
        one.now_ms += 500
        one.venue.prints[BTC] = [a_print(10), a_print(20), a_print(20, 101), a_print(20), a_print(30)]
        one.stream.cut()
        await until(lambda: one.stream.dials == 2)
        await one.complete()

    assert one.told.events[1:] == [(BTC, 10), (BTC, 20), (BTC, 20), (BTC, 20), (BTC, 30)]


async def test_what_the_venue_does_not_tell_is_lost_and_said_to_be() -> None:
    async with scene(BTC, ETH) as one:
        one.venue.down = True
        await until(lambda: len(one.venue.asked) == 2)
        await one.complete()
        one.stream.say(BTC, a_print(10))

    assert sorted(one.told.events[:2]) == [("!", BTC), ("!", ETH)]
    assert one.told.events[2:] == [(BTC, 10)]


async def test_a_venue_that_does_not_answer_in_time_holds_nothing_up() -> None:
    async with scene() as one:
        one.venue.answers.clear()
        await until(lambda: one.venue.asked)
        one.stream.say(BTC, a_print(5))
        await one.complete()

    assert one.told.events == [("!", BTC), (BTC, 5)]


async def test_a_refused_symbol_does_not_hold_up_the_others() -> None:
    one = Scene(BTC, ETH)
    one.stream.deny = {ETH: "Not Subscribed successfully!"}
    task = asyncio.create_task(one.line.run())
    await one.complete()

    assert one.line.hearing == 1
    assert ("=", BTC, -90_000) in one.told.events
    task.cancel()


async def test_a_stream_that_is_deaf_is_dropped_and_caught_up_with() -> None:
    async with scene() as one:
        await one.complete()
        one.stream.say(BTC, a_print(10))
        one.now_ms += 5_000
        one.venue.prints[BTC] = [a_print(10), a_print(200)]
        await until(lambda: one.stream.dropped)
        assert one.line.stale == {BTC}
        await until(lambda: one.stream.dials == 2)
        await one.complete()
        assert one.told.events[-1] == (BTC, 200)
        one.stream.say(BTC, a_print(5_001))

    assert one.line.stale == set()


async def test_a_market_that_does_not_trade_is_not_deaf() -> None:
    async with scene() as one:
        await one.complete()
        one.stream.say(BTC, a_print(10))
        one.venue.prints[BTC] = [a_print(10)]
        one.now_ms += 60_000
        await until(lambda: len(one.venue.asked) >= 3)

    assert (one.stream.dropped, one.line.stale) == (0, set())
    assert one.venue.asked[-1][1] == NOW_MS + 58_000  # it need not be asked again about what is settled


async def test_no_answer_about_a_silent_symbol_proves_nothing() -> None:
    async with scene() as one:
        await one.complete()
        one.venue.down = True
        await until(lambda: len(one.venue.asked) >= 3)

    assert one.stream.dropped == 0


async def test_a_symbol_that_speaks_while_one_asks_is_not_deaf() -> None:
    async with scene() as one:
        await one.complete()
        one.now_ms += 60_000
        one.venue.prints[BTC] = [a_print(10)]
        one.venue.answers.clear()
        await until(lambda: len(one.venue.asked) == 2)
        one.stream.say(BTC, a_print(10))
        one.venue.answers.set()
        await asyncio.sleep(0.01)

    assert one.stream.dropped == 0


class Hand:
    """What `VenueClock` takes for the time: a test moves it, in seconds."""

    s = 100.0

    def monotonic(self) -> float:
        return self.s


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    one = Hand()
    monkeypatch.setattr("workers.venue_clock.time", one)
    return one


def test_the_clock_waits_for_a_line_that_catches_up_but_not_for_ever(hand: Hand) -> None:
    clock = VenueClock(Habits(lateness_ms=0, mark_s=0, hold_s=0.05))
    one = Scene(BTC)
    one.line.behind_since = hand.s
    clock.sample(1)
    clock.sample(2)
    clock.heard([(one.stream, 0)], hand.s)
    assert (clock.mark([one.line]), clock.given_up([one.line])) == (None, [])
    hand.s += 0.06

    assert clock.given_up([one.line]) == [BTC]
    assert clock.given_up([one.line]) == []
    assert clock.mark([one.line]) == 2
    one.line.behind_since = None
    clock.heard([(one.stream, 0)], hand.s)
    assert clock.given_up([one.line]) == []
    assert clock.mark([one.line]) == 2


def test_the_clock_tells_nothing_that_came_in_and_was_not_heard_but_does_not_wait_for_ever(hand: Hand) -> None:
    clock = VenueClock(Habits(lateness_ms=0, mark_s=0, hold_s=0.05))
    one, other = Scene(BTC), Scene(ETH)
    lines, both = [one.line, other.line], [(one.stream, 0.0), (other.stream, 0.0)]
    one.line.behind_since = other.line.behind_since = None
    clock.sample(1)
    clock.heard(both, hand.s)
    hand.s += 0.01
    clock.sample(2)
    clock.heard([(one.stream, 0)], hand.s)
    assert (clock.mark(lines), clock.given_up(lines)) == (1, [])
    clock.heard([(other.stream, 0)], hand.s)
    assert clock.mark(lines) == 2

    hand.s += 0.01
    clock.sample(3)
    hand.s += 0.06
    clock.heard([(one.stream, 0)], hand.s)
    assert clock.mark(lines) == 2
    assert clock.given_up(lines) == [ETH]
    assert clock.given_up(lines) == []
    assert clock.mark(lines) == 3
    clock.heard(both, hand.s)
    assert clock.given_up(lines) == []


def test_the_clock_goes_as_late_as_what_is_heard_but_never_back(hand: Hand) -> None:
    clock, one = VenueClock(Habits(lateness_ms=0, mark_s=0, hold_s=0.05)), Scene(BTC)
    one.line.behind_since = None
    told: list[int | None] = []
    for number in range(8):
        clock.sample(number)
        clock.heard([(one.stream, 60 if number == 7 else 0.03)], hand.s)
        told.append(clock.mark([one.line]))
        assert clock.given_up([one.line]) == [], "it gets somewhere"
        hand.s += 0.01

    assert told[0] is None
    assert told[7] == told[6]
    assert [mark or 0 for mark in told] == sorted(mark or 0 for mark in told)
    assert 0 < (told[7] or 0) < 6


def test_the_clock_does_not_wait_for_ever_for_a_venue_whose_frames_all_bear_one_time(hand: Hand) -> None:
    clock, one = VenueClock(Habits(lateness_ms=0, mark_s=0, hold_s=0.05)), Scene(BTC)
    one.line.behind_since = None
    began, given_up = hand.s, list[str]()
    while not given_up and hand.s < began + 5:
        clock.sample(1)
        clock.heard([(one.stream, hand.s - began + 1)], hand.s)
        given_up += clock.given_up([one.line])
        hand.s += 0.01

    assert given_up == [BTC]
    assert clock.mark([one.line]) == 1


def test_what_was_heard_for_long_enough_after_a_moment_settles_it(hand: Hand) -> None:
    clock, one = VenueClock(Habits(lateness_ms=20, mark_s=0)), Scene(BTC)
    one.line.behind_since = None
    clock.sample(1)
    clock.heard([(one.stream, 0)], hand.s)
    assert clock.mark([one.line]) is None
    hand.s += 0.03
    assert clock.mark([one.line]) is None, "what came in since then may not be heard"

    clock.heard([(one.stream, 0)], hand.s)
    assert clock.mark([one.line]) == 1


def test_the_clock_tells_nothing_that_ticks_may_still_be_late_for() -> None:
    clock = VenueClock(Habits(lateness_ms=60_000, mark_s=0))
    clock.sample(1)

    assert clock.mark([]) is None
