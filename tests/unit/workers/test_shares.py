"""What a feed does with the shards that it wins and loses; who has which is told by a fake."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from app.bus import BusError, Part, Turn
from tests.unit.workers.test_outbox import until
from workers import shares as module
from workers.shares import Shares

PARTS = [Part(shard, 3, "token") for shard in range(3)]


class Told:
    """Says what it is told to say, and then `rest`; writes down what is given back."""

    rest = Turn()

    def __init__(self, *turns: Turn | Exception) -> None:
        self.turns = [*turns]
        self.given: list[Part] = []
        self.asked = self.left = 0
        self.away = False

    def turn(self) -> Turn:
        self.asked += 1
        told = self.turns.pop(0) if self.turns else self.rest
        if isinstance(told, Exception):
            raise told
        return told

    def give_back(self, part: Part) -> None:
        self.given.append(part)
        if self.away:
            raise BusError("away")

    def leave(self) -> None:
        self.left += 1
        if self.away:
            raise BusError("away")


class Work:
    """Hears each part until it is cancelled; `last_words` then keep it a little longer."""

    def __init__(self) -> None:
        self.heard: list[Part] = []
        self.ended: list[Part] = []
        self.errors: dict[Part, Exception] = {}
        self.last_words = asyncio.Event()
        self.last_words.set()
        self.last_error: Exception | None = None

    async def __call__(self, part: Part) -> None:
        self.heard.append(part)
        if part in self.errors:
            raise self.errors[part]
        try:
            await asyncio.sleep(600)
        finally:
            await self.last_words.wait()
            self.ended.append(part)
            if self.last_error is not None:
                raise self.last_error


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.005)


@asynccontextmanager
async def running(shards: Told, work: Callable[[Part], object]) -> AsyncIterator[Shares]:
    shares = Shares(shards, work)  # type: ignore[arg-type]
    task = asyncio.create_task(shares.run())
    yield shares
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_what_is_won_is_heard_until_the_feed_ends_and_then_let_go() -> None:
    shards, work = Told(Turn(PARTS)), Work()

    async with running(shards, work):
        await until(lambda: work.heard == PARTS)

    assert sorted(work.ended) == PARTS
    assert (shards.left, shards.given) == (1, [])


async def test_what_is_lost_ends_and_is_not_given_back() -> None:
    shards, work = Told(Turn(PARTS), Turn(lost=PARTS[1:2])), Work()

    with capture_logs() as logs:
        async with running(shards, work):
            await until(lambda: work.ended == PARTS[1:2])
            assert shards.given == []

    assert [line["shard"] for line in logs if line["event"] == "another feed leads now"] == [1]


async def test_what_is_lost_and_won_again_at_once_is_begun_anew() -> None:
    again = Part(0, 3, "another")
    shards, work = Told(Turn(PARTS[:1]), Turn([again], PARTS[:1])), Work()
    work.last_words.clear()

    async with running(shards, work):
        await until(lambda: work.heard == [PARTS[0], again])
        work.last_words.set()
        await until(lambda: work.ended == PARTS[:1])


async def test_what_is_too_much_is_delivered_first_and_then_given_back() -> None:
    too_many = Turn(surplus=2)
    shards, work = Told(Turn(PARTS), too_many, too_many, too_many), Work()
    work.last_words.clear()

    async with running(shards, work):
        await until(lambda: shards.asked > 4)
        assert shards.given == [], "its last words are not spoken yet"
        work.last_words.set()
        await until(lambda: sorted(shards.given) == PARTS[1:])
        assert sorted(work.ended) == PARTS[1:]


async def test_a_part_that_does_not_end_is_given_back_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GIVEN_S", 0.01)
    shards, work = Told(Turn(PARTS[:1]), Turn(surplus=1)), Work()
    work.last_words.clear()

    with capture_logs() as logs:
        async with running(shards, work):
            await until(lambda: shards.given == PARTS[:1])
            work.last_words.set()
            await until(lambda: work.ended == PARTS[:1])

    assert "a shard of the feed does not end" in [line["event"] for line in logs]


async def test_redis_that_is_away_takes_no_part_from_anybody_and_is_told_once() -> None:
    away = BusError("away")
    shards, work = Told(away, away, Turn(PARTS), away, away), Work()

    with capture_logs() as logs:
        async with running(shards, work):
            await until(lambda: shards.asked > 5)
            assert work.heard == PARTS
            assert work.ended == []
            shards.away = True

    assert [line["event"] for line in logs if line["log_level"] == "error"] == [
        "shards of the feed cannot be held",
        "shards of the feed cannot be held",
    ]
    assert "shards not given back, their leases run out" in [line["event"] for line in logs]


async def test_a_part_that_cannot_be_given_back_is_let_run_out() -> None:
    shards, work = Told(Turn(PARTS[:1]), Turn(surplus=1)), Work()
    shards.away = True

    with capture_logs() as logs:
        async with running(shards, work):
            await until(lambda: shards.given == PARTS[:1])

    assert "shard not given back, its lease runs out" in [line["event"] for line in logs]


async def test_an_error_of_a_part_ends_the_feed_and_others_can_have_all() -> None:
    shards, work = Told(Turn(PARTS)), Work()
    work.errors[PARTS[1]] = ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await Shares(shards, work).run()

    assert sorted(work.ended) == [PARTS[0], PARTS[2]]
    assert shards.left == 1


async def test_a_part_that_ends_badly_when_it_is_lost_is_told_and_the_others_go_on() -> None:
    shards, work = Told(Turn(PARTS), Turn(lost=PARTS[:1])), Work()
    work.last_error = ValueError("broken")

    with capture_logs() as logs:
        async with running(shards, work):
            await until(lambda: work.ended == PARTS[:1])
            asked = shards.asked
            await until(lambda: shards.asked > asked + 2)
            work.last_error = None

    assert "a shard of the feed did not end well" in [line["event"] for line in logs]


async def test_who_has_nothing_says_once_who_has_and_says_it_again_when_that_is_another() -> None:
    there, other = Turn(others=["far 7"]), Turn(others=["far 8"])
    shards = Told(there, there, other)

    with capture_logs() as logs:
        async with running(shards, Work()):
            await until(lambda: shards.asked > 3)

    assert [line["leader"] for line in logs if line["event"] == "stands by"] == ["far 7", "far 8"]


async def test_a_feed_that_is_set_otherwise_says_so_and_after_a_while_is_not_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shards = Told()
    shards.rest = Turn(refusal="set it otherwise")

    with capture_logs() as logs:
        async with running(shards, Work()) as shares:
            await until(lambda: shards.asked > 1)
            assert shares.objection() is None, "in an upgrade it is so for a while"
            monkeypatch.setattr(module, "STRANGE_S", 0)
            assert shares.objection() == "set it otherwise"
            shards.rest = Turn()
            await until(lambda: shares.objection() is None)

    assert [line["reason"] for line in logs if line["log_level"] == "error"] == ["set it otherwise"]
