"""A farm whose every part a test can spoil, and a Prometheus that judges it by the shipped rules, hastened."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil

from app.simulator.catalogue import listing
from app.store import Database, Tallies
from tests.fixtures._channel import Channel
from tests.fixtures.commands import ROOT, Commands, commands, title, until, worker
from tests.fixtures.databases import short_folder
from tests.fixtures.prometheus import Prometheus, hasty
from tests.fixtures.redis_server import start_redis, stop_redis
from tests.fixtures.slow_wire import SlowWire, to_port, to_socket, wired_up
from tests.fixtures.stoppable import Stoppable, started
from tests.fixtures.venue import ServedVenue, served
from workers.own_postgresql import DATABASE
from workers.ports import free_port
from workers.venue import VenueConfig

FACTOR = 60  # a minute of a rule is a second here
JOBS = {
    "cdb_websocket_screener": "FEED",
    "cdb_signal_engine": "SIGNALS",
    "cdb_risk_manager": "RISK",
    "cdb_execution": "ORDERS",
    "cdb_ticks": "TICKS",
    "cdb_upkeep": "UPKEEP",
    "cdb_notifier": "NOTIFIER",
}
HELD = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
LIVELY = ("XRP/USDT", "BNB/USDT", "DOGE/USDT", "ADA/USDT")
LOST = "AVAX/USDT"
NAMES = (*HELD, *LIVELY, LOST)
PATIENCE_S = 30.0

# Small moves only: a crash is for the limits to see, and nothing is sold in it.
CALM = '''"""Enters when the price rose a bit and leaves when it fell a bit; more than a bit is none of its business."""

from dataclasses import dataclass
from typing import ClassVar

from app.domain.orders import Side
from app.domain.trading import Wish


@dataclass(frozen=True)
class Strategy:
    version: ClassVar[str] = "1"
    window: ClassVar[int] = 2
    warm_up: ClassVar[int] = 2

    def indicators(self, bars):
        return bars[["close"]]

    def decide(self, now, before):
        move = now["close"] / before["close"] - 1
        if not 0.001 < abs(move) < 0.02:
            return None
        return Wish(Side.BUY if move > 0 else Side.SELL, 1.0, "as the last bar went")
'''

# Few tasks, as two cores have much else to do and each of them waits for slow servers too.
HABITS = {
    "CDB_STRATEGIES": "calm:Strategy",
    "CDB_RISK__COOLDOWN__LIMIT_S": "0",
    "CDB_STOP_LOSS": "none",
    "CDB_TAKE_PROFIT": "none",
    "CDB_ARCHIVE": "false",
    "CDB_FLOWER_PORT": "0",
    "CDB_STUCK_S": "600",  # else the supervisor heals what is to be seen
    "CDB_WORKERS_UPKEEP": "3",
    "CDB_WORKERS_TICKS": "1",
    "CDB_RECONCILE_S": "10",  # a run each two seconds
    "CDB_SEAL_S": "2",
    "CDB_MARK_S": "2",
    "CDB_SWEEP_S": "5",
    "CDB_WAKE_S": "5",
    # Limits that somebody changed without changing the rules: nothing answers what the rules warn of.
    "CDB_POSITION_SHARE": "0.12",
    "CDB_MAX_POSITION": "100000",
    "CDB_MAX_TOTAL_EXPOSURE": "0.9",
    "CDB_MAX_DAILY_DRAWDOWN": "0.9",
    "CDB_MAX_DAY_LOSS": "0.9",
}


class Market(Thread):
    """Prints each symbol's price again and again; a test moves it."""

    def __init__(self, venue: ServedVenue) -> None:
        super().__init__(name="market", daemon=True)
        self._venue, self._closed = venue, Event()
        self._listed = {name: listing(name, rank) for rank, name in enumerate(NAMES)}
        self._share = dict.fromkeys(NAMES, Decimal(1))
        self._waving = Event()

    def move(self, names: Iterable[str], share: str) -> None:
        """To this share of the price at the beginning."""
        self._share |= dict.fromkeys(names, Decimal(share))

    @contextmanager
    def waves(self) -> Iterator[None]:
        """What is lively rises and falls, a second each."""
        self._waving.set()
        try:
            yield
        finally:
            self._waving.clear()

    def run(self) -> None:
        """Each of them four times a second."""
        while not self._closed.wait(0.25):
            for rank, name in enumerate(NAMES):
                self._venue.tick(name, self._price(rank, name), 1000)

    def close(self) -> None:
        """No more ticks."""
        self._closed.set()
        self.join()

    def _price(self, rank: int, name: str) -> Decimal:
        rises = self._waving.is_set() and name in LIVELY and (int(time.time()) + rank) % 2
        share = self._share[name] * (Decimal("1.005") if rises else 1)
        return (self._listed[name].opening * share).quantize(self._listed[name].tick)


class Redis:
    """One that can be away, and has forgotten everything when it is back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server, self.url = start_redis(folder)
        self.socket = folder / "r.sock"

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Its process is killed."""
        self.close()
        try:
            yield
        finally:
            self._server, _ = start_redis(self._folder)

    def close(self) -> None:
        stop_redis(self._server)


@dataclass
class Troubled:
    """A farm that trades, and its levers."""

    cdb: Commands
    farm: "subprocess.Popen[str]"
    venue: ServedVenue
    market: Market
    postgresql: Stoppable
    redis: Redis
    wires: dict[str, SlowWire]
    database: Database
    told: Prometheus
    targets: Callable[..., None]
    channel: Channel
    ports: dict[str, int]
    heard: set[str] = field(default_factory=set)
    _notifier: "subprocess.Popen[bytes] | None" = None
    _faults: list[dict[str, Any]] = field(default_factory=list)

    def hears(self, *names: str, patience_s: float = PATIENCE_S) -> None:
        """All of these fire, each at some moment."""
        missing = set(names)

        def all_fired() -> bool:
            missing.difference_update(self.told.firing())
            return not missing

        self._until(all_fired, lambda: f"{sorted(missing)} do not fire", patience_s)
        self.heard |= set(names)

    @contextmanager
    def clears(self, *names: str, patience_s: float = PATIENCE_S) -> Iterator[None]:
        """None of these fires before the block, each is heard in it, and none fires any more soon after it."""
        self.hears_no_more(*names, patience_s=patience_s)
        self.heard -= set(names)
        yield
        assert set(names) <= self.heard
        self.hears_no_more(*names, patience_s=patience_s)

    def hears_no_more(self, *names: str, patience_s: float = PATIENCE_S) -> None:
        """None of these fires."""
        still = set(names)

        def all_ended() -> bool:
            still.intersection_update(self.told.firing())
            return not still

        self._until(all_ended, lambda: f"{sorted(still)} do not end", patience_s)

    def waits_for(self, found: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
        self._until(found, lambda: f"{what} did not happen", patience_s)

    def run(self, *arguments: str) -> str:
        """A command that must succeed; what it says."""
        ended = self.cdb.run(*arguments)
        assert ended.returncode == 0, ended.stderr + ended.stdout
        return ended.stdout

    def alter(self, statement: str) -> None:
        """By hand, past the farm."""
        with self.postgresql.connect() as connection:
            connection.execute(statement.encode())

    def count_orders(self, state: str) -> int:
        """Of the database."""
        return Tallies(self.database).orders().states.get(state, 0)

    def discard_letters(self) -> None:
        """All dead letters that wait."""
        numbers = [str(letter["number"]) for letter in json.loads(self.run("failed", "list", "--json"))]
        self.run("failed", "discard", *numbers, "--reason", "it was a trial", "--yes")

    def service(self, queue: str) -> psutil.Process:
        """The worker on a queue."""
        found = worker(self.farm, queue)
        assert found is not None
        return found

    def feed(self) -> psutil.Process:
        children = psutil.Process(self.farm.pid).children()
        return next(one for one in children if title(one).endswith(" feed"))

    @contextmanager
    def stopped(self, queue: str) -> Iterator[None]:
        """The worker on a queue and its children hang."""
        parent = self.service(queue)
        hung = [parent, *parent.children(recursive=True)]
        for one in hung:
            one.suspend()
        try:
            yield
        finally:
            for one in hung:
                one.resume()

    @contextmanager
    def failing(self, *faults: dict[str, Any]) -> Iterator[None]:
        """The venue does these things, beside what it does already."""
        before, self._faults = self._faults, [*self._faults, *faults]
        self.venue.tell("faults", {"faults": list(faults)})
        try:
            yield
        finally:
            self._faults = before
            self.venue.heal()
            self.venue.tell("faults", {"faults": before})

    def start_notifier(self, ballast: int = 0) -> None:
        """As `cdb notifier` does; one with ballast holds so many bytes for nothing."""
        code = f"ballast = b'x' * {ballast}\nfrom app.cli.main import cdb\ncdb(['notifier'])"
        env = self.cdb.environ({"CDB_NOTIFY_URLS": f"json://127.0.0.1:{self.channel.port}", "CDB_NOTIFY_GAP_S": "1"})
        with (self.cdb.data_dir / "notifier.log").open("a") as out:
            self._notifier = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env, stdout=out, stderr=out)
        self.targets()

    def end_notifier(self) -> None:
        """It is asked to end, and its name has no address any more."""
        if self._notifier is not None:
            self._notifier.send_signal(signal.SIGTERM)
            self._notifier.wait(40)
            self._notifier = None
            self.targets(cdb_notifier=None)

    def _until(self, found: Callable[[], bool], what: Callable[[], str], patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while not found():
            assert self.farm.poll() is None, self.cdb.said
            assert time.monotonic() < deadline, f"{what()} within {patience_s:g} s; {sorted(self.told.firing())} do"
            time.sleep(0.2)


@contextmanager
def in_trouble(files: Path, folder: Path) -> Iterator[Troubled]:
    """With a PostgreSQL, a Redis, a venue and a channel of its own, over wires that can be slow."""
    with ExitStack() as kept:
        cdb = kept.enter_context(commands())
        postgresql = kept.enter_context(started(files, 200))
        redis = Redis(kept.enter_context(short_folder()))
        kept.callback(redis.close)
        config = VenueConfig(
            market="idle",
            symbols=NAMES,
            balances={"USDT": Decimal(100_000)},
            weight_limit=0,
            depth_notional=Decimal(10_000_000),
        )
        venue = kept.enter_context(served(config))
        market = Market(venue)
        market.start()
        kept.callback(market.close)
        socket = next(Path(postgresql.folder).glob(".s.PGSQL.*[0-9]"))
        wires = {
            "database": SlowWire(to_socket(socket)),
            "redis": SlowWire(to_socket(redis.socket)),
            "websocket": SlowWire(to_port(venue.address.port)),
        }
        kept.enter_context(wired_up(*wires.values()))
        ports = {job: free_port() for job in JOBS}
        (cdb.data_dir / "calm.py").write_text(CALM)
        small = "".join(f'[symbol."{name}"]\nposition_share = "0.005"\n' for name in (*LIVELY, LOST))
        (cdb.data_dir / "cdb.toml").write_text(small)
        cdb.env |= {
            **HABITS,
            **{f"CDB_PORT_{service}": str(ports[job]) for job, service in JOBS.items()},
            "PYTHONPATH": str(cdb.data_dir),
            "CDB_CONFIG": str(cdb.data_dir / "cdb.toml"),
            "CDB_SYMBOLS": ",".join(NAMES),
            "CDB_EXCHANGE_REST_URL": venue.rest_url,
            "CDB_EXCHANGE_WS_URL": f"ws://127.0.0.1:{wires['websocket'].port}/ws",
            "CDB_REDIS_URL": f"redis://127.0.0.1:{wires['redis'].port}/0",
            "CDB_DATABASE_URL": f"postgresql+psycopg://postgres@127.0.0.1:{wires['database'].port}/{DATABASE}",
        }
        farm = cdb.start("up")
        until(lambda: "is up" in cdb.said or farm.poll() is not None, "the farm's start", 120)
        assert farm.poll() is None, cdb.said
        database = Database(postgresql.url)
        kept.callback(database.engine.dispose)
        told, targets = kept.enter_context(hasty(folder / "prometheus", ports, FACTOR))
        one = Troubled(cdb, farm, venue, market, postgresql, redis, wires, database, told, targets, Channel(), ports)
        kept.callback(one.channel.close)
        kept.callback(one.end_notifier)
        one.channel.open()
        one.start_notifier()
        one.waits_for(lambda: told.one("sum(up)") == len(JOBS), "all targets", 60)
        one.waits_for(lambda: told.firing() == set(), "quiet", 60)
        yield one
