"""One venue, one budget: whoever asks, and whatever happens to Redis."""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

from app.bus import Counters, Keys, Limiter, connect
from app.domain.errors import RateLimited
from app.domain.rate_limit import Budget, Priority
from app.exchanges.mexc import Client, Trading
from app.exchanges.mexc.stream import PublicMarket
from tests.fixtures.memory.builders import an_order
from tests.fixtures.redis_server import start_redis, stop_redis
from tests.fixtures.venue import ServedVenue, served
from workers.venue import VenueConfig

DATA, ENTRY, EXIT = Priority


@pytest.fixture
def limiter(redis_client: "redis.Redis", keys: Keys) -> Limiter:
    return Limiter(redis_client, keys, "venue", Budget(100), processes=4)


def another(redis_client: "redis.Redis", keys: Keys, budget: int = 100) -> Limiter:
    """A limiter of another process."""
    return Limiter(redis_client, keys, "venue", Budget(budget), processes=4)


def taken(limiter: Limiter, priority: Priority, weight: int = 1) -> int:
    """How much it gets without waiting."""
    got = 0
    try:
        while got < 1000:
            limiter.acquire(weight, priority, patience_s=0)
            got += weight
    except RateLimited:
        return got
    return got


def held_back_s(limiter: Limiter, priority: Priority) -> float:
    """How long it would have to wait."""
    with pytest.raises(RateLimited) as told:
        limiter.acquire(1, priority, patience_s=0)
    return told.value.retry_after_s


def test_data_stops_where_entries_go_on_and_entries_where_exits_do(limiter: Limiter) -> None:
    assert [taken(limiter, one) for one in (DATA, ENTRY, EXIT)] == [50, 30, 20]


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


def test_another_host_has_a_budget_of_its_own(limiter: Limiter, redis_client: "redis.Redis", keys: Keys) -> None:
    taken(limiter, EXIT)

    assert taken(Limiter(redis_client, keys, "elsewhere", Budget(10), processes=1), EXIT) == 10


def test_what_weighs_more_than_its_part_goes_alone(limiter: Limiter) -> None:
    limiter.acquire(60, DATA, patience_s=0)

    assert held_back_s(limiter, DATA) > 10


def test_without_a_limit_only_pauses_hold_anybody_back(redis_client: "redis.Redis", keys: Keys) -> None:
    free = another(redis_client, keys, budget=0)

    assert taken(free, DATA) == 1000
    free.pause(1, 429)
    assert held_back_s(free, EXIT) <= 1


def test_a_pause_stops_all_and_exits_go_on_first(limiter: Limiter, redis_client: "redis.Redis", keys: Keys) -> None:
    other = another(redis_client, keys)
    limiter.pause(1, 429)

    assert held_back_s(other, EXIT) <= 1 < held_back_s(other, ENTRY) < held_back_s(other, DATA)
    began = time.monotonic()
    other.acquire(1, EXIT)
    assert time.monotonic() - began > 0.9
    assert Counters(redis_client, keys).all() == {"answers_429": 1, "requests_waited": 4}


def test_a_shorter_pause_does_not_end_a_longer_one(limiter: Limiter) -> None:
    limiter.pause(60, 418)
    limiter.pause(1, 429)

    assert held_back_s(limiter, EXIT) > 50


@pytest.mark.parametrize(("status", "least"), [(429, 9), (418, 110)])
def test_a_pause_of_which_no_length_was_said_is_long_enough(limiter: Limiter, status: int, least: float) -> None:
    limiter.pause(None, status)

    assert held_back_s(limiter, EXIT) > least


def test_a_flush_is_noticed_and_allows_no_second_budget(
    limiter: Limiter, redis_client: "redis.Redis", keys: Keys
) -> None:
    taken(limiter, EXIT)
    redis_client.flushall()

    assert taken(limiter, EXIT) == 25
    assert taken(another(redis_client, keys), EXIT) == 0
    assert Counters(redis_client, keys).all()["limiter_flushed"] == 1


def test_a_flush_ends_no_pause(limiter: Limiter, redis_client: "redis.Redis", keys: Keys) -> None:
    limiter.acquire(1, DATA)
    limiter.pause(60, 418)
    redis_client.flushall()

    assert held_back_s(limiter, EXIT) > 50
    assert held_back_s(another(redis_client, keys), EXIT) > 50


def test_the_event_loop_goes_on_while_somebody_waits(limiter: Limiter) -> None:
    async def scene() -> int:
        limiter.pause(1, 429)
        waiting = asyncio.create_task(limiter.wait(1, EXIT))
        turns = 0
        while not waiting.done():
            await asyncio.sleep(0.01)
            turns += 1
        await waiting
        with pytest.raises(RateLimited):
            await limiter.wait(1, DATA, patience_s=0)
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
        limiter.acquire(1, EXIT)
        yield (lambda: stop_redis(server), lambda: start_redis(folder)), limiter
    shutil.rmtree(folder)


def test_without_redis_exits_go_on_within_a_part_of_their_own(lonely: tuple[Any, Limiter], keys: Keys) -> None:
    (stop, start), limiter = lonely
    stop()
    with capture_logs() as told:
        assert taken(limiter, DATA) == 12
        assert taken(limiter, EXIT) == 13
    assert [line["event"] for line in told] == ["requests to the venue are not shared"]

    limiter.pause(60, 429)
    assert held_back_s(limiter, EXIT) > 50
    server, url = start()
    time.sleep(1.1)
    assert held_back_s(limiter, EXIT) > 50
    with connect(url) as client:
        assert spent(client, keys) == 25
        assert Counters(client, keys).all()["limiter_away"] == 1
    stop_redis(server)


# Against the simulator


def _url(client: "redis.Redis") -> str:
    return f"unix://{client.connection_pool.connection_kwargs['path']}"


def ask(redis_url: str, rest_url: str, budget: int, *priorities: str, seconds: float) -> dict[str, list[list[Any]]]:
    """What was answered to processes that ask as fast as they may, by their priority."""
    askers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.fixtures._askers", redis_url, rest_url, str(budget), one, str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for one in priorities
    ]
    found: dict[str, list[list[Any]]] = {one: [] for one in priorities}
    for one, asker in zip(priorities, askers, strict=True):
        printed, _ = asker.communicate(timeout=60)
        assert asker.returncode == 0
        found[one] += [json.loads(line) for line in printed.splitlines() if line.startswith("[")]  # the rest is logged
    return found


def test_no_number_of_processes_asks_too_much_and_exits_get_through(redis_client: "redis.Redis", keys: Keys) -> None:
    with served(VenueConfig(market="idle", weight_limit=50)) as venue:
        found = ask(_url(redis_client), venue.rest_url, 40, "DATA", "DATA", "ENTRY", "EXIT", seconds=14)

    lines = [line for one in found.values() for line in one]
    answered = sorted(at for at, said, *_ in lines if said == "answered")
    assert {said for _, said, *_ in lines} <= {"answered", "held back"}
    assert all(sum(start <= at < start + 10 for at in answered) <= 40 for start in answered)
    assert len(answered) > 40
    assert any(said == "answered" for _, said, *_ in found["EXIT"])


def test_a_429_stops_all_processes_and_no_ban_follows(redis_client: "redis.Redis", keys: Keys) -> None:
    with served(VenueConfig(market="idle", weight_limit=500)) as venue:
        venue.fail("rate_limited", times=1, retry_after_s=3)
        found = ask(_url(redis_client), venue.rest_url, 400, "DATA", "ENTRY", "EXIT", "EXIT", seconds=6)

    lines = [line for one in found.values() for line in one]
    [refused] = [at for at, _, status in lines if status == 429]
    answered = sorted(at for at, said, *_ in lines if said == "answered")
    assert 418 not in {status for *_, status, _ in lines}
    assert not [at for at in answered if refused + 0.2 < at < refused + 2.9]
    assert [at for at in answered if at > refused + 2.9]
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

    assert asked == 10
    assert held_back_s(limiter, EXIT) > 20


def desk(venue: ServedVenue, limiter: Limiter) -> tuple[Trading, Client]:
    """The private side of a venue, with keys that it takes."""
    keys: dict[str, Any] = {"api_key": venue.config.api_key, "api_secret": venue.config.api_secret}
    client = Client(rest_url=venue.rest_url, now=now, limiter=limiter, **keys)
    return Trading(client), client


def test_an_order_is_sent_with_the_turn_that_it_waited_for(redis_client: "redis.Redis", keys: Keys) -> None:
    limiter = another(redis_client, keys)
    order = replace(an_order(), created_at=now(), claimed_at=now(), amount=Decimal("0.001"), price=Decimal(50_000))
    with served(VenueConfig(market="idle", weight_limit=500)) as venue:
        trading, client = desk(venue, limiter)
        trading.await_turn(order)
        before = spent(redis_client, keys)
        taken(limiter, EXIT)

        trading.submit(order, signed_at=now())

        assert before == 12  # the markets, the time and the order
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


def now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


def spent(client: "redis.Redis", keys: Keys) -> int:
    """The weight that is in the budget's window."""
    return sum(int(value) for name, value in client.hgetall(keys.budget("venue")).items() if name[:2] == b"b:")
