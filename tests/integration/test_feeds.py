"""Several feeds as processes, killed and stopped: each symbol is one's alone, and what they hear is heard once."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis
from sqlalchemy import select

from app import wiring
from app.settings.fields import SIMULATED_SYMBOLS
from app.store import migrate
from models import BarRow, MarketDataRow
from tasks import signals, ticks, upkeep
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.farm import configured
from tests.fixtures.venue import ServedVenue, served
from workers.ports import NO_METRICS
from workers.shares import LEASE_MS
from workers.venue import VenueConfig

SHARDS = 4
A_MOMENT_S = 0.25  # for one script, however busy the machine; the leases themselves are Redis' own affair


class Feed:
    """A process."""

    def __init__(self, settings: Mapping[str, str], path: Path) -> None:
        self.path = path
        with path.open("w") as out:
            command = [sys.executable, "-m", "app.cli", "feed"]
            self.process = subprocess.Popen(command, env=settings, stdout=out, stderr=out)

    @property
    def pid(self) -> int:
        return self.process.pid

    def says(self, what: str) -> int:
        return self.path.read_text().count(what)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def eventually(found: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not found():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.fixture
def market() -> Iterator[ServedVenue]:
    """Ten symbols, some of each shard, that print only what `tick` says."""
    balances = {"USDT": Decimal(100_000)}
    config = VenueConfig(market="idle", symbols=SIMULATED_SYMBOLS, seed=7, balances=balances, weight_limit=0)
    with served(config) as one:
        yield one


Start = Callable[..., Feed]


@pytest.fixture
def start(
    farm_settings: dict[str, str], market: ServedVenue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Start]:
    """Starts one more feed of this farm, as a process; what is given is set otherwise than here."""
    settings = {
        **farm_settings,
        "CDB_EXCHANGE_REST_URL": market.rest_url,
        "CDB_EXCHANGE_WS_URL": market.ws_url,
        "CDB_SYMBOLS": ",".join(SIMULATED_SYMBOLS),
        "CDB_BAR_INTERVALS": "1s",
        "CDB_SHARDS": str(SHARDS),
        "CDB_FEED_SHARDS": str(SHARDS),
        **NO_METRICS,
    }
    started: list[Feed] = []

    def begun(**others: str) -> Feed:
        started.append(Feed({**os.environ, **settings, **others}, tmp_path / f"feed{len(started)}.log"))
        return started[-1]

    with configured(settings, monkeypatch):
        migrate(wiring.database())
        yield begun
        for one in started:
            one.process.send_signal(signal.SIGCONT)
            one.kill()


class Seen(NamedTuple):
    """A command that Redis ran, at its own time in seconds; `inside` a script."""

    at: float
    words: list[str]
    inside: bool


class Witness(threading.Thread):
    """Writes down all that Redis does."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.all: list[Seen] = []
        self.client = redis.Redis.from_url(url, socket_timeout=PATIENCE_S)
        self.hears = threading.Event()

    def run(self) -> None:
        monitoring: Any = self.client.monitor
        with monitoring() as monitor:
            self.hears.set()
            for told in monitor.listen():
                words = told["command"].split(" ")
                if words[:2] == ["ECHO", "enough"]:
                    return
                self.all.append(Seen(told["time"], words, told["client_type"] == "lua"))

    def owners(self) -> dict[int, list[tuple[float, str]]]:
        """By shard, each time that somebody took it or went on with it."""
        leases = {wiring.keys().feed_lease(shard, SHARDS): shard for shard in range(SHARDS)}
        found: dict[int, list[tuple[float, str]]] = {shard: [] for shard in range(SHARDS)}
        for at, words, inside in self.all:
            if inside and words[0] == "SET" and words[1] in leases:
                assert words[3:] == ["PX", str(LEASE_MS)]
                found[leases[words[1]]].append((at, words[2]))
        return found

    def looks(self, pid: int) -> list[float]:
        """When a feed has looked what it has and what is free."""
        leader, keys = wiring.keys().leader("feed"), str(3 + SHARDS)
        return [
            at
            for at, words, _ in self.all
            if words[0] == "EVALSHA" and words[2:4] == [keys, leader] and pid_of(words[3 + int(keys)]) == pid
        ]

    def pushes(self) -> dict[int, list[tuple[str, bool]]]:
        """By mailbox, who would push and whether it was taken."""
        found: dict[int, list[tuple[str, bool]]] = {shard: [] for shard in range(SHARDS)}
        names = {wiring.keys().mailbox(shard): shard for shard in range(SHARDS)}
        last = -1
        for _, words, inside in self.all:
            if not inside and words[0] == "EVALSHA" and words[2] == "5" and words[3] in names:
                last = names[words[3]]
                found[last].append((words[-1], False))
            elif inside and words[0] == "XADD":
                assert names[words[1]] == last
                found[last][-1] = (found[last][-1][0], True)
        return found


def pid_of(token: str) -> int:
    return int(token.split("|")[1]) if token.count("|") == 3 else -1


@contextmanager
def witnessed(url: str) -> Iterator[Witness]:
    witness = Witness(url)
    witness.start()
    assert witness.hears.wait(PATIENCE_S)
    try:
        yield witness
    finally:
        with redis.Redis.from_url(url) as client:
            client.echo("enough")
        witness.join(PATIENCE_S)
    assert not witness.is_alive()


class Crowd(threading.Thread):
    """Trades every symbol, again and again; the price is the number of the trade."""

    def __init__(self, market: ServedVenue) -> None:
        super().__init__(daemon=True)
        self.market = market
        self.traded = Counter[str]()
        self.enough = threading.Event()

    def run(self) -> None:
        while not self.enough.wait(0.05):
            for symbol in SIMULATED_SYMBOLS:
                self.traded[symbol] += 1
                self.market.tick(symbol, self.traded[symbol])

    def ends(self) -> dict[str, list[float]]:
        """What was traded."""
        self.enough.set()
        self.join(PATIENCE_S)
        return {symbol: [float(number + 1) for number in range(count)] for symbol, count in self.traded.items()}


@contextmanager
def crowded(market: ServedVenue) -> Iterator[Crowd]:
    crowd = Crowd(market)
    crowd.start()
    try:
        yield crowd
    finally:
        crowd.ends()


def owners() -> dict[int, int]:
    """The process that has each shard."""
    client: Any = wiring.redis()
    tokens = client.mget([wiring.keys().feed_lease(shard, SHARDS) for shard in range(SHARDS)])
    return {shard: pid_of(token.decode()) for shard, token in enumerate(tokens) if token}


def had_by() -> Counter[int]:
    """How many shards each process has."""
    return Counter(owners().values())


def ready() -> bool:
    return bool((wiring.feed_status().read() or {}).get("ready"))


def shared(*feeds: Feed) -> Callable[[], bool]:
    """Whether these have all shards in fair parts, and everything is heard."""
    least, more = divmod(SHARDS, len(feeds))
    parts = sorted([least + 1] * more + [least] * (len(feeds) - more))

    def found() -> bool:
        had = had_by()
        return {*had} == {one.pid for one in feeds} and sorted(had.values()) == parts and ready()

    return found


def work_through() -> None:
    """What workers do with mailboxes; what they find there is handed on to nobody."""
    assert signals.find.name, "a task must be known where it is sent"
    for shard in range(SHARDS):
        ticks.drain(shard)
        upkeep.archive(shard)


def archived() -> dict[str, list[float]]:
    """The prices of the raw ticks that are kept, by symbol and time."""
    work_through()
    with wiring.database().reading() as session:
        rows = session.execute(
            select(MarketDataRow.symbol, MarketDataRow.price).order_by(MarketDataRow.symbol, MarketDataRow.timestamp)
        ).all()
    return {symbol: [price for _, price in some] for symbol, some in groupby(rows, key=lambda row: row[0])}


def wrong_bars() -> list[Any]:
    """Bars that are said to be whole, and hold not just the ticks of their second; there must be some that are."""
    with wiring.database().reading() as session:
        times = session.execute(select(MarketDataRow.symbol, MarketDataRow.timestamp)).all()
        bars = session.execute(select(BarRow.symbol, BarRow.end, BarRow.volume).where(BarRow.whole)).all()
    traded = Counter((symbol, at.replace(microsecond=0) + timedelta(seconds=1)) for symbol, at in times)
    assert len(bars) > len(SIMULATED_SYMBOLS)
    return [(symbol, end, volume) for symbol, end, volume in bars if traded[symbol, end] != volume]


def each_mailbox_was_filled_by_one_after_another(witness: Witness) -> None:
    for shard, pushes in witness.pushes().items():
        pushers = [token for token, _ in groupby(token for token, taken in pushes if taken)]
        assert len(pushers) == len({*pushers}), f"mailbox {shard}: who was followed pushed again"
        assert pushers, f"mailbox {shard} was filled by nobody"


def taken_over_s(witness: Witness, feed: Feed) -> dict[int, float]:
    """For each shard that the feed had, how long after it went on with it for the last time another took it."""
    found: dict[int, float] = {}
    for shard, turns in witness.owners().items():
        for (before_s, before), (at, token) in pairwise(turns):
            if feed.pid == pid_of(before) != pid_of(token):
                found[shard] = at - before_s
                looks = witness.looks(pid_of(token))
                longest_s = max(b - a for a, b in pairwise(looks) if before_s - 1 < b < at + 1)
                assert at - before_s <= LEASE_MS / 1000 + longest_s + A_MOMENT_S, "its first look after that took it"
    return found


@pytest.mark.timeout(600)
def test_feeds_share_the_market_and_what_a_killed_one_had_is_taken_over(
    start: Start, market: ServedVenue, redis_url: str
) -> None:
    with witnessed(redis_url) as witness, crowded(market) as crowd:
        first = start()
        eventually(shared(first), "one alone hears all")
        second, third = start(), start()
        eventually(shared(first, second, third), "three share")
        eventually(lambda: len(archived()) == len(SIMULATED_SYMBOLS), "all is heard")

        killed = {shard for shard, pid in owners().items() if pid == first.pid}
        first.kill()
        eventually(shared(second, third), "two share")
        traded = crowd.ends()
        eventually(lambda: archived() == traded, "every trade is kept once, in order")

    assert wrong_bars() == []
    each_mailbox_was_filled_by_one_after_another(witness)
    assert killed <= taken_over_s(witness, first).keys()


@pytest.mark.timeout(600)
def test_a_feed_that_stood_still_is_followed_within_its_lease_and_can_push_no_more(
    start: Start, market: ServedVenue, redis_url: str
) -> None:
    with witnessed(redis_url) as witness, crowded(market) as crowd:
        first, second = start(), start()
        eventually(shared(first, second), "two share")
        eventually(lambda: len(archived()) == len(SIMULATED_SYMBOLS), "all is heard")

        stood = {shard for shard, pid in owners().items() if pid == first.pid}
        first.process.send_signal(signal.SIGSTOP)
        eventually(shared(second), "the other takes over")
        first.process.send_signal(signal.SIGCONT)
        eventually(lambda: first.says("another feed leads now"), "it finds out")
        eventually(shared(first, second), "it takes part anew")
        traded = crowd.ends()
        eventually(lambda: archived() == traded, "every trade is kept once, in order")

    assert wrong_bars() == []
    each_mailbox_was_filled_by_one_after_another(witness)
    took_s = taken_over_s(witness, first)
    assert all(took_s[shard] > LEASE_MS / 1000 - A_MOMENT_S for shard in stood), "not before its leases had run out"
    refused = [
        pid_of(token.partition("#")[0]) for some in witness.pushes().values() for token, taken in some if not taken
    ]
    assert first.pid in refused
    assert second.pid not in refused


@pytest.mark.timeout(600)
def test_a_feed_that_is_set_otherwise_hears_nothing_and_says_why(start: Start, market: ServedVenue) -> None:
    first = start()
    eventually(shared(first), "it hears all")
    other = start(CDB_FEED_SHARDS="2")
    eventually(lambda: other.says("this feed is set otherwise than the others"), "it is refused")
    alone = start(CDB_FEED_SHARDS="1")
    eventually(lambda: alone.says("this feed is set otherwise than the others"), "and so is one that divides nothing")
    assert re.search("have CDB_FEED_SHARDS=4 and CDB_SHARDS=4, this one has CDB_FEED_SHARDS=2", other.path.read_text())

    market.tick("BTC/USDT", 1)
    eventually(lambda: archived() == {"BTC/USDT": [1.0]}, "one hears it")
    assert had_by() == {first.pid: SHARDS}


@pytest.mark.timeout(600)
def test_of_two_feeds_of_one_shard_one_hears_and_the_other_takes_over_when_it_is_killed(
    start: Start, market: ServedVenue
) -> None:
    one_shard = {"CDB_FEED_SHARDS": "1", "CDB_SHARDS": "2"}

    def heard() -> int:
        return wiring.counters().all().get("ticks_received", 0)

    first = start(**one_shard)
    eventually(ready, "the first hears")
    second = start(**one_shard)
    eventually(lambda: second.says("stands by"), "the second stands by")
    market.tick("BTC/USDT", 64_000)
    eventually(lambda: heard() == 1, "one tick is heard once")

    first.kill()
    eventually(lambda: second.says("leads"), "the second leads")
    market.tick("BTC/USDT", 64_001)
    eventually(lambda: heard() >= 2, "it hears")


@pytest.mark.timeout(600)
def test_a_feed_of_one_shard_that_was_held_up_stands_by(start: Start) -> None:
    one_shard = {"CDB_FEED_SHARDS": "1", "CDB_SHARDS": "2"}
    first = start(**one_shard)
    eventually(lambda: first.says("leads"), "the first leads")
    second = start(**one_shard)
    eventually(lambda: second.says("stands by"), "the second stands by")
    first.process.send_signal(signal.SIGSTOP)
    eventually(lambda: second.says("leads"), "the second leads")

    first.process.send_signal(signal.SIGCONT)

    eventually(lambda: first.says("another feed leads now"), "it finds out")
    eventually(lambda: first.says("stands by"), "and stands by")
    second.kill()
    eventually(lambda: first.says('"leads"') == 2, "until it is its turn again")
