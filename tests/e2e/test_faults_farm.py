"""One farm, and one fault after the other: each is told with its cure or healed by itself, and trading goes on.

The farm is given a venue and a Redis of the test's own, so that the test can spoil them.
"""

import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select

from app.bus import BusError, Counters, Keys, Mailboxes, connect
from app.store import Database
from models import ExecutionRow
from tests.fixtures.commands import Commands, until, worker
from tests.fixtures.redis_server import start_redis, stop_redis
from tests.fixtures.venue import ServedVenue, served
from workers.venue import VenueConfig

GONE_S = 3.0
TRADED = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
EAGER = '''"""Enters when the price rose, leaves when it fell: what there is to trade is traded at once."""

from dataclasses import dataclass
from typing import ClassVar

from pandas import DataFrame

from app.domain.orders import Side
from app.domain.trading import Wish

@dataclass(frozen=True)
class Strategy:
    version: ClassVar[str] = "1"
    window: ClassVar[int] = 2
    warm_up: ClassVar[int] = 2

    def indicators(self, bars):
        return DataFrame({"close": bars["close"]})

    def decide(self, now, before):
        return Wish(Side.BUY if now["close"] > before["close"] else Side.SELL, 1.0, "of what the last bar did")
'''


class SpoiltRedis:
    """A Redis that can be away for a while, and has forgotten everything when it is back."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="cdb-", dir="/tmp"))
        self._server, self.url = start_redis(self._folder)
        self.keys = Keys("cdb:")
        self.client = connect(self.url)

    def be_gone(self, seconds: float) -> None:
        stop_redis(self._server)
        time.sleep(seconds)
        self._server, _ = start_redis(self._folder)

    def counted(self, counter: str) -> int:
        try:
            return Counters(self.client, self.keys).all().get(counter, 0)
        except BusError:  # it is being started
            return 0

    def close(self) -> None:
        self.client.close()
        stop_redis(self._server)
        shutil.rmtree(self._folder)


class Trader:
    """A farm that is up."""

    def __init__(self, cdb: Commands, server: SpoiltRedis) -> None:
        self.cdb, self.redis = cdb, server
        self.process: subprocess.Popen[str] = cdb.start("up")
        self.waits_for(lambda: "is up" in cdb.said, "the farm's start", 120)
        self._database = Database(f"sqlite:///{cdb.data_dir}/cdb.sqlite")

    def waits_for(self, found: Callable[[], bool], what: str, patience_s: float = 40) -> None:
        until(lambda: found() or self.process.poll() is not None, what, patience_s)
        assert self.process.poll() is None, self.cdb.said

    def logged(self, service: str) -> str:
        path = self.cdb.data_dir / "logs" / f"{service}.log"
        return path.read_text() if path.exists() else ""

    def executions(self) -> int:
        with self._database.reading() as session:
            return session.scalar(select(func.count()).select_from(ExecutionRow)) or 0

    def goes_on_trading(self) -> None:
        before = self.executions()
        self.waits_for(lambda: self.executions() > before, "another execution")

    def restarted(self) -> list[str]:
        """Services, in the order in which they ended."""
        return re.findall(r'"service": "(\w+)".*service ended', self.cdb.said)

    def close(self) -> None:
        self._database.engine.dispose()


@pytest.fixture
def venue() -> Iterator[ServedVenue]:
    """Three symbols that print by themselves."""
    with served(VenueConfig(symbols=TRADED, ticks_per_s=60, past_h=1, weight_limit=0)) as one:
        yield one


@pytest.fixture
def trader(cdb: Commands, venue: ServedVenue) -> Iterator[Trader]:
    """Trades whatever there is, also a symbol that nobody lists."""
    (cdb.data_dir / "eager.py").write_text(EAGER)
    server = SpoiltRedis()
    cdb.env |= {
        "PYTHONPATH": str(cdb.data_dir),
        "CDB_STRATEGIES": "eager:Strategy",
        "CDB_RISK__COOLDOWN__LIMIT_S": "0",
        "CDB_SYMBOLS": ",".join((*TRADED, "BTV/USDT")),
        "CDB_EXCHANGE_REST_URL": venue.rest_url,
        "CDB_EXCHANGE_WS_URL": venue.ws_url,
        "CDB_REDIS_URL": server.url,
    }
    with closing(server), closing(Trader(cdb, server)) as trader:
        yield trader


@pytest.mark.chaos
@pytest.mark.timeout(500)
def test_a_farm_goes_on_whatever_goes_wrong_around_it(trader: Trader, venue: ServedVenue) -> None:
    trader.goes_on_trading()
    a_symbol_that_nobody_lists_is_left_out(trader)
    bad_ticks_are_counted_and_told(trader)
    killed_workers_are_replaced_in_time(trader)
    a_key_that_is_no_longer_taken_is_told_with_its_cure(trader, venue)
    trader.goes_on_trading()
    assert trader.restarted() == ["ticks"], "only the worker that was killed was started again"
    nothing_is_told_as_a_bug(trader)
    trader.redis.be_gone(GONE_S)
    trader.waits_for(lambda: trader.redis.counted("ticks_processed") > 0, "ticks after Redis was away")
    trader.goes_on_trading()
    assert max(Counter(trader.restarted()[1:]).values(), default=0) <= 1, "a worker that crashed does not crash again"

    trader.process.send_signal(signal.SIGTERM)
    assert trader.process.wait(60) == 0, trader.cdb.said


def a_symbol_that_nobody_lists_is_left_out(trader: Trader) -> None:
    assert "BTV/USDT" in trader.logged("feed")
    assert "did you mean BTC/USDT?" in trader.logged("feed")


def bad_ticks_are_counted_and_told(trader: Trader) -> None:
    client, keys = trader.redis.client, trader.redis.keys
    at_us = 1_700_000_000_000_000
    negative = ("BTC/USDT", at_us, -1.0, 1.0, "buy", at_us)
    nan = ("BTC/USDT", at_us, float("nan"), 1.0, "buy", at_us)
    malformed = ("BTC/USDT", "yesterday")
    Mailboxes(client, keys, 2).push({0: [negative, malformed], 1: [nan]})

    trader.waits_for(lambda: trader.redis.counted("ticks_bad") == 3, "the count of three bad ticks")
    trader.waits_for(lambda: "tick is no tick" in trader.logged("ticks"), "a word about bad ticks")


def killed_workers_are_replaced_in_time(trader: Trader) -> None:
    victim = worker(trader.process, "ticks")
    assert victim is not None
    processes = [victim, *victim.children(recursive=True)]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, 5)
    before = trader.redis.counted("ticks_processed")
    trader.waits_for(lambda: trader.redis.counted("ticks_processed") > before, "ticks after the kill")


def a_key_that_is_no_longer_taken_is_told_with_its_cure(trader: Trader, venue: ServedVenue) -> None:
    venue.fail("order_refused", code=10072, msg="Api key info invalid", times=1)
    trader.waits_for(lambda: "CDB_API_KEY" in trader.logged("orders"), "a word about the key")


def nothing_is_told_as_a_bug(trader: Trader) -> None:
    for service in ("beat", "feed", "ticks", "signals", "risk", "orders", "upkeep"):
        assert "Traceback" not in trader.logged(service), trader.logged(service)[-3000:]
