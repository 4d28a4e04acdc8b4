"""One venue, one budget for each of its endpoints: whoever asks, and whatever happens to Redis."""

import asyncio
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from math import ceil
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest
import redis
from structlog.testing import capture_logs

from app.bus import Counters, Keys, Limiter, connect
from app.domain.errors import RateLimited
from app.domain.rate_limit import Budget, Priority
from app.exchanges.mexc import Client, Trading
from app.exchanges.mexc.stream import PublicMarket
from tests.fixtures._forks import Program
from tests.fixtures.memory.builders import an_order
from tests.fixtures.redis_server import start_redis, stop_redis
from tests.fixtures.venue import ServedVenue, served
from tests.fixtures.workers import ROOT
from workers.venue import VenueConfig

DATA, BOOKS, ENTRY, EXIT = Priority
HERE, THERE = "GET order", "GET myTrades"


@pytest.fixture
def limiter(redis_client: "redis.Redis", keys: Keys) -> Limiter:
    return Limiter(redis_client, keys, "venue", Budget(100), processes=4)


def another(redis_client: "redis.Redis", keys: Keys, budget: int = 100) -> Limiter:
    """A limiter of another process."""
    return Limiter(redis_client, keys, "venue", Budget(budget), processes=4)


def taken(limiter: Limiter, priority: Priority, endpoint: str = HERE) -> int:
    """How much it gets without waiting."""
    for got in range(1000):
        try:
            limiter.acquire(endpoint, 1, priority, patience_s=0)
        except RateLimited:
            return got
    return 1000


def held_back_s(limiter: Limiter, priority: Priority, endpoint: str = HERE) -> float:
    """How long it would have to wait."""
    with pytest.raises(RateLimited) as told:
        limiter.acquire(endpoint, 1, priority, patience_s=0)
    return told.value.retry_after_s


def pause_of(limiter: Limiter) -> tuple[int, int] | None:
    """Its seconds and status."""
    pause = limiter.paused()
    return (ceil(pause.left_s), pause.status) if pause else None


def test_data_stops_where_entries_go_on_and_entries_where_exits_do(limiter: Limiter) -> None:
    assert [taken(limiter, one) for one in (DATA, BOOKS, ENTRY, EXIT)] == [50, 15, 15, 20]


def test_all_processes_share_one_budget(limiter: Limiter, redis_client: "redis.Redis", keys: Keys) -> None:
    threads, got = [], list[int]()
    for _ in range(6):
        one = Limiter(connect(_url(redis_client)), keys, "venue", Budget(100), processes=4)
        threads.append(Thread(target=lambda one=one: got.append(taken(one, EXIT))))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(got) == 100


def test_each_endpoint_has_a_budget_of_its_own(limiter: Limiter, redis_client: "redis.Redis", keys: Keys) -> None:
    taken(limiter, EXIT)

    assert [taken(limiter, one, THERE) for one in (DATA, ENTRY, EXIT)] == [50, 30, 20]
    assert spent(redis_client, keys) == {HERE: 100, THERE: 100}


def test_what_was_spent_is_forgotten_when_it_counts_no_more(redis_client: "redis.Redis", keys: Keys) -> None:
    limiter = Limiter(redis_client, keys, "venue", Budget(100, window_ms=800), processes=4)
    taken(limiter, EXIT)

    limiter.acquire(HERE, 100, EXIT)
    assert spent(redis_client, keys) == {HERE: 100}
    assert 0 < redis_client.pttl(keys.spent("venue", HERE)) <= 900


def test_another_host_has_a_budget_of_its_own(limiter: Limiter, redis_client: "redis.Redis", keys: Keys) -> None:
    taken(limiter, EXIT)

    assert taken(Limiter(redis_client, keys, "elsewhere", Budget(10), processes=1), EXIT) == 10


def test_what_weighs_more_than_its_part_goes_alone(limiter: Limiter) -> None:
    limiter.acquire(HERE, 60, DATA, patience_s=0)

    assert held_back_s(limiter, DATA) > 10


def test_without_a_limit_only_pauses_hold_anybody_back(redis_client: "redis.Redis", keys: Keys) -> None:
    free = another(redis_client, keys, budget=0)

    assert taken(free, DATA) == 1000
    free.pause(1, 429)
    assert held_back_s(free, EXIT) <= 1


def test_a_pause_stops_all_and_exits_go_on_first(limiter: Limiter, redis_client: "redis.Redis", keys: Keys) -> None:
    other = another(redis_client, keys)
    assert pause_of(other) is None
    limiter.pause(1, 429)

    assert pause_of(other) == (1, 429)
    assert held_back_s(other, EXIT) <= 1 < held_back_s(other, ENTRY) < held_back_s(other, DATA)
    assert held_back_s(other, EXIT, THERE) > 0
    began = time.monotonic()
    other.acquire(HERE, 1, EXIT)
    assert time.monotonic() - began > 0.9
    assert pause_of(other) is None
    assert Counters(redis_client, keys).all() == {"answers_429": 1, "requests_waited": 5}


def test_a_shorter_pause_does_not_end_a_longer_one(limiter: Limiter) -> None:
    limiter.pause(60, 418)
    limiter.pause(1, 429)

    assert held_back_s(limiter, EXIT) > 50
    assert pause_of(limiter) == (60, 418)


@pytest.mark.parametrize(("status", "least"), [(429, 9), (418, 110)])
def test_a_pause_of_which_no_length_was_said_is_long_enough(limiter: Limiter, status: int, least: float) -> None:
    limiter.pause(None, status)

    assert held_back_s(limiter, EXIT) > least


def test_a_flush_is_noticed_and_allows_no_second_budget(
    limiter: Limiter, redis_client: "redis.Redis", keys: Keys
) -> None:
    taken(limiter, EXIT)
    redis_client.flushall()

    assert [taken(limiter, EXIT, one) for one in (HERE, THERE)] == [25, 25]
    assert [taken(another(redis_client, keys), EXIT, one) for one in (HERE, THERE)] == [0, 0]
    assert Counters(redis_client, keys).all()["limiter_flushed"] == 1


def test_a_flush_ends_no_pause(limiter: Limiter, redis_client: "redis.Redis", keys: Keys) -> None:
    limiter.acquire(HERE, 1, DATA)
    limiter.pause(60, 418)
    redis_client.flushall()

    assert held_back_s(limiter, EXIT) > 50
    assert held_back_s(another(redis_client, keys), EXIT, THERE) > 50
    assert pause_of(limiter) == (60, 418)


def test_the_event_loop_goes_on_while_somebody_waits(limiter: Limiter) -> None:
    async def scene() -> int:
        limiter.pause(1, 429)
        waiting = asyncio.create_task(limiter.wait(HERE, 1, EXIT))
        turns = 0
        while not waiting.done():
            await asyncio.sleep(0.01)
            turns += 1
        await waiting
        with pytest.raises(RateLimited):
            await limiter.wait(HERE, 1, DATA, patience_s=0)
        return turns

    assert asyncio.run(scene()) > 20


# Without Redis


@pytest.fixture
def lonely(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Iterator[tuple[Any, Limiter]]:
    """A limiter whose Redis dies when its process is killed."""
    folder = Path(tempfile.mkdtemp(prefix="cdb-", dir="/tmp"))
    server, url = start_redis(folder)
    with connect(url, timeout_s=0.2, retries=0) as client:
        limiter = Limiter(client, keys, "venue", Budget(200), processes=2)
        limiter.acquire(HERE, 1, EXIT)
        yield (lambda: stop_redis(server), lambda: start_redis(folder)), limiter
    shutil.rmtree(folder)


def test_without_redis_exits_go_on_within_a_part_of_their_own(lonely: tuple[Any, Limiter], keys: Keys) -> None:
    (stop, start), limiter = lonely
    stop()
    with capture_logs() as told:
        assert taken(limiter, DATA) == 12
        assert taken(limiter, EXIT) == 13
        assert taken(limiter, EXIT, THERE) == 25
    assert [line["event"] for line in told] == ["requests to the venue are not shared"]

    limiter.pause(60, 429)
    assert held_back_s(limiter, EXIT) > 50
    server, url = start()
    time.sleep(1.1)
    assert held_back_s(limiter, EXIT) > 50
    with connect(url) as client:
        assert spent(client, keys) == {HERE: 25, THERE: 25}
        assert Counters(client, keys).all()["limiter_away"] == 1
    stop_redis(server)


# Against the simulator


class Answered(NamedTuple):
    """One question of a process: when it was over, what it was, the HTTP status (0: held back), whose it was."""

    at: float
    what: str
    status: int
    priority: str


def _url(client: "redis.Redis") -> str:
    return f"unix://{client.connection_pool.connection_kwargs['path']}"


def ask(
    folder: Path, redis_url: str, venue: ServedVenue, budget: Budget, *priorities: str, seconds: float
) -> list[Answered]:
    """What was answered to processes that ask as fast as they may, in the order of time."""
    how = (redis_url, venue.rest_url, str(budget.weight), str(budget.window_ms))
    printed = [folder / f"asker-{number}" for number in range(len(priorities))]
    askers = [
        Program("tests.fixtures._askers", *how, one, str(seconds), folder=ROOT, env=os.environ, out=out)
        for one, out in zip(priorities, printed, strict=True)
    ]
    found: list[Answered] = []
    for priority, asker, out in zip(priorities, askers, printed, strict=True):
        assert asker.wait(60) == 0, out.read_text()
        lines = [line for line in out.read_text().splitlines() if line.startswith("[")]  # the rest is logged
        found += [Answered(at, what, status, priority) for at, what, status in map(json.loads, lines)]
    return sorted(found)


def test_no_number_of_processes_asks_too_much_and_exits_get_through(
    redis_client: "redis.Redis", keys: Keys, tmp_path: Path
) -> None:
    with served(VenueConfig(market="idle", weight_limit=50, weight_window_s=1.5)) as venue:
        found = ask(tmp_path, _url(redis_client), venue, Budget(40, 2500), "DATA", "DATA", "ENTRY", "EXIT", seconds=4)
        orders = venue.status()["orders"]

    answered = [one for one in found if one.status == 200]
    assert {one.status for one in found} == {0, 200}
    assert [one for one in answered if one.priority == "EXIT" and one.what == "order"]
    assert len([one for one in answered if one.what == "order"]) == orders
    assert max(sum(start.at <= one.at < start.at + 2.5 for one in answered) for start in answered) > 50
    assert Counters(redis_client, keys).all().keys() == {"requests_waited"}


def test_a_429_stops_all_processes_and_no_ban_follows(redis_client: "redis.Redis", keys: Keys, tmp_path: Path) -> None:
    with served(VenueConfig(market="idle", weight_limit=500)) as venue:
        venue.fail("rate_limited", times=1, retry_after_s=2)
        found = ask(tmp_path, _url(redis_client), venue, Budget(400), "DATA", "ENTRY", "EXIT", seconds=3)
        orders = venue.status()["orders"]

    [refused] = [one for one in found if one.status == 429]
    answered = [one for one in found if one.status == 200]
    afterwards = [one for one in answered if one.at > refused.at + 1.9]
    assert {one.status for one in found} <= {0, 200, 429}
    assert not [one for one in answered if refused.at + 0.5 < one.at < refused.at + 1.9]
    assert {(one.priority, one.what) for one in afterwards} >= {("EXIT", "order"), ("EXIT", "look")}
    assert len([one for one in answered if one.what == "order"]) == orders
    assert Counters(redis_client, keys).all()["answers_429"] == 1


async def test_the_feed_asks_through_the_limiter_and_heeds_a_429(redis_client: "redis.Redis", keys: Keys) -> None:
    limiter = another(redis_client, keys)
    with served(VenueConfig(market="idle", weight_limit=500)) as venue:
        market = PublicMarket(venue.rest_url, venue.ws_url, limiter)
        await market.open()
        asked = spent(redis_client, keys)
        venue.fail("rate_limited", times=1, retry_after_s=30)
        with pytest.raises(Exception, match="Too many"):
            await market.offset_ms(lambda: 0)
        await market.close()

    assert asked == {"GET exchangeInfo": 10}
    assert held_back_s(limiter, EXIT) > 20


def desk(venue: ServedVenue, limiter: Limiter) -> tuple[Trading, Client]:
    """The private side of a venue, with keys that it takes."""
    client = Client(rest_url=venue.rest_url, now=now, limiter=limiter, keys=venue.keys)
    return Trading(client), client


def test_an_order_is_sent_with_the_turn_that_it_waited_for(redis_client: "redis.Redis", keys: Keys) -> None:
    limiter = another(redis_client, keys)
    order = replace(an_order(), created_at=now(), claimed_at=now(), amount=Decimal("0.001"), price=Decimal(50_000))
    with served(VenueConfig(market="idle", weight_limit=500)) as venue:
        trading, client = desk(venue, limiter)
        trading.await_turn(order)
        before = spent(redis_client, keys)
        taken(limiter, EXIT, "POST order")

        trading.submit(order, signed_at=now())

        assert before == {"GET exchangeInfo": 10, "GET time": 1, "POST order": 1}
        assert venue.status()["orders"] == 1
        client.session.close()


def test_an_order_is_not_sent_into_a_pause_that_began_after_its_turn(redis_client: "redis.Redis", keys: Keys) -> None:
    limiter = another(redis_client, keys)
    order = replace(an_order(), created_at=now(), claimed_at=now(), amount=Decimal("0.001"), price=Decimal(50_000))
    with served(VenueConfig(market="idle", weight_limit=500)) as venue:
        trading, client = desk(venue, limiter)
        trading.await_turn(order)
        another(redis_client, keys).pause(30, 429)

        with pytest.raises(RateLimited):
            trading.submit(order, signed_at=now())

        assert venue.status()["orders"] == 0
        client.session.close()


def test_a_look_without_a_turn_keeps_nobody_waiting(redis_client: "redis.Redis", keys: Keys) -> None:
    limiter = another(redis_client, keys)
    order = replace(an_order(), created_at=now(), claimed_at=now(), amount=Decimal("0.001"), price=Decimal(50_000))
    with served(VenueConfig(market="idle", weight_limit=500)) as venue:
        trading, client = desk(venue, limiter)
        trading.await_turn(order)
        limiter.pause(1, 429)

        with pytest.raises(RateLimited):
            trading.look_up(order)

        client.session.close()


def now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


def spent(client: "redis.Redis", keys: Keys) -> dict[str, int]:
    """The weight that is in the window of each endpoint."""
    prefix = keys.spent("venue", "")
    names = [name.decode() for name in client.scan_iter(f"{prefix}*")]
    return {name.removeprefix(prefix): sum(map(int, client.hvals(name))) for name in names}
