"""How long from a tick to its order at the venue, idle and under 10,000 ticks/s, beside a bare chain of no-op tasks."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import redis
from sqlalchemy import select

from app import bus, wiring
from app.domain.market import microseconds
from app.simulator.catalogue import symbols
from app.store import Database
from models import OrderRow, SignalRow
from tests.bench import chains, farms, noop, pushes, pushing
from tests.bench.figures import Figure, percentile
from workers.ports import free_port

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "BNB/USDT", "DOGE/USDT", "ADA/USDT", "AVAX/USDT")
OTHERS, DEALS = 50, 20  # in a frame of each in 100 ms: 10,000 ticks/s
SECONDS, IN_A_SECOND = 260, 4
BARE = 210
PATIENCE_S = 60.0
PAR, ABOVE = 100.0, 101.0
QUIET = {
    "VENUE_MARKET": "idle",
    "SYMBOLS": ",".join(SYMBOLS),
    "BAR_INTERVALS": "1s",
    "STRATEGIES": "tests.bench.trigger:Strategy",
    "STOP_LOSS": "none",
    "TAKE_PROFIT": "none",
    "MAX_POSITION": "20",
    "RISK__COOLDOWN__LIMIT_S": "0",
    "SLIPPAGE": "0.05",
    "REQUEST_WEIGHT": "0",  # more orders a second than the venue's limits let anyone follow
}
PERCENTILES = (("p50", 50), ("p99", 99), ("p99.9", 99.9))
STAGES = (
    "  tick received → search begun",
    "  → approval begun",
    "  → order claimed",
    "  → order at the venue",
)
Tick = Callable[[str, float], object]


def run() -> list[Figure]:
    """Percentiles in milliseconds, and where the time goes."""
    return [*_idle(), *_busy()]


def _idle() -> list[Figure]:
    with farms.running(**QUIET):
        wiring.reset()
        venue = wiring.venue_control()
        bare = _bare_chains()
        _trade(lambda symbol, price: venue.tick(symbol, price, 1.0))
        return _told("idle", _stages(wiring.database()), bare)


def _busy() -> list[Figure]:
    """One venue pushes 10,000 ticks a second, another takes the orders; its prices stand still."""
    port = free_port()
    others = [one for one in symbols(pushes.SYMBOLS) if one not in SYMBOLS][:OTHERS]
    busy = {**QUIET, **pushing.followed(port), "SYMBOLS": ",".join((*SYMBOLS, *others))}
    with pushing.venue(port), farms.running(**busy):
        wiring.reset()
        bare = _bare_chains()
        for symbol in SYMBOLS:
            wiring.venue_control().tick(symbol, PAR, 1.0)
        with _streaming(port):
            _trade(lambda symbol, price: _push(port, symbol, price))
        return _told("under 10,000 ticks/s", _stages(wiring.database()), bare)


@contextmanager
def _streaming(port: int) -> Iterator[None]:
    """Ticks of the other symbols, which the strategy lets alone."""
    how = {"price": PAR, "without": ",".join(map(pushes.venue_name, SYMBOLS))}
    stream = threading.Thread(target=pushing.stream, args=(port, [DEALS], SECONDS + 20), kwargs=how)
    stream.start()
    yield
    stream.join()


def _push(port: int, symbol: str, price: float) -> None:
    pushing.asked(port, f"tick?name={pushes.venue_name(symbol)}&price={price}", "POST")


def _told(how: str, stages: Sequence[tuple[float, ...]], bare: Sequence[float]) -> list[Figure]:
    whole = [sum(parts) for parts in stages]
    return [
        *(
            Figure(
                f"{how}: tick → order at the venue, {name} of {len(whole)}",
                percentile(whole, at),
                percentile(bare, at),
                "ms",
            )
            for name, at in PERCENTILES
        ),
        *(
            Figure(f"{stage}, {name}", percentile(took, at), None, "ms")
            for stage, took in zip(STAGES, zip(*stages, strict=True), strict=True)
            for name, at in PERCENTILES[:2]
        ),
    ]


def _trade(tick: Tick) -> None:
    """Some times a second a symbol's bar above or below par is closed by a tick of the next second, and so traded."""
    price = dict.fromkeys(SYMBOLS, ABOVE)
    for symbol in SYMBOLS:
        tick(symbol, PAR)
    time.sleep(2)
    for second in range(SECONDS):
        some = [SYMBOLS[(second * IN_A_SECOND + place) % len(SYMBOLS)] for place in range(IN_A_SECOND)]
        _wait_for(0.85)
        for symbol in some:
            tick(symbol, price[symbol])
            price[symbol] = 2 * PAR - price[symbol]
        for place, symbol in enumerate(some):
            _wait_for(0.02 + place * 0.11 + second % 7 * 0.01)  # the clock mark would close it 500 ms after its end
            tick(symbol, PAR)
    time.sleep(3)


def _wait_for(part: float) -> None:
    """Until the next moment with this fraction of a second."""
    time.sleep((part - time.time()) % 1)


def _stages(database: Database) -> Sequence[tuple[float, ...]]:
    """Of each order that the venue took, how long each part of its way took, in milliseconds."""
    query = (
        select(
            SignalRow.tick_received_us,
            SignalRow.found_at,
            SignalRow.decided_at,
            OrderRow.claimed_at,
            OrderRow.submitted_at,
        )
        .join(OrderRow, SignalRow.key == OrderRow.signal_key)
        .where(OrderRow.submitted_at.is_not(None), SignalRow.tick_received_us > 0)  # a clock mark closes bars, too
    )
    with database.reading() as session:
        ways = [
            (received_us, *(microseconds(at) for at in reached if at))
            for received_us, *reached in session.execute(query)
        ]
    return [tuple((after - before) / 1000 for before, after in pairwise(way)) for way in ways]


def _bare_chains() -> list[float]:
    """The same broker, one worker with three processes, chains sent one after the other."""
    url = wiring.settings().redis_url
    os.environ["BARE_BROKER"] = broker = url.replace("unix://", "redis+socket://")
    worker = subprocess.Popen(
        noop.worker(3, "error"), cwd=farms.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with bus.connect(url) as client, chains.sender(noop.bare, broker) as send:
            send(*noop.links())
            _wait_until_taken(client, 1)  # by then the worker is up, and each queue was used once
            for _ in range(BARE):
                send(*noop.links())
                time.sleep(0.07)
            _wait_until_taken(client, 1 + BARE)
            took: list[bytes] = client.lrange(noop.TOOK, 1, -1)
            return [int(value) / 1000 for value in took]
    finally:
        worker.terminate()
        worker.wait(30)


def _wait_until_taken(client: "redis.Redis", count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while client.llen(noop.TOOK) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"chain {count} of no-op tasks has not come to its end")
        time.sleep(0.1)
