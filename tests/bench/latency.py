"""How long from a tick to its order at the venue, on an idle farm, beside a bare chain of three no-op tasks."""

import os
import subprocess
import time
from collections.abc import Sequence
from itertools import pairwise

import redis
from sqlalchemy import select

from app import bus, wiring
from app.domain.market import microseconds
from app.exchanges.simulated import Control
from app.store import Database
from models import OrderRow, SignalRow
from tests.bench import farms, noop
from tests.bench.figures import Figure, percentile

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "BNB/USDT", "DOGE/USDT", "ADA/USDT", "AVAX/USDT")
SECONDS, IN_A_SECOND = 105, 2
BARE = 210
BARE_PATIENCE_S = 30.0
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
}
PERCENTILES = (("p50", 50), ("p99", 99), ("worst", 100))
STAGES = (
    "  tick received → search begun",
    "  → approval begun",
    "  → order claimed",
    "  → order at the venue",
)


def run() -> list[Figure]:
    """Percentiles in milliseconds, and where the time goes."""
    with farms.running(**QUIET):
        wiring.reset()
        bare = _bare_chains()
        _trade(wiring.venue_control())
        stages = _stages(wiring.database())
    whole = [sum(parts) for parts in stages]
    return [
        *(
            Figure(
                f"tick → order at the venue, {name} of {len(whole)}", percentile(whole, at), percentile(bare, at), "ms"
            )
            for name, at in PERCENTILES
        ),
        *(
            Figure(f"{stage}, {name}", percentile(took, at), None, "ms")
            for stage, took in zip(STAGES, zip(*stages, strict=True), strict=True)
            for name, at in PERCENTILES[:2]
        ),
    ]


def _trade(venue: Control) -> None:
    """Twice a second a symbol's bar above or below par is closed by a tick of the next second, and so traded."""
    price = dict.fromkeys(SYMBOLS, 101.0)
    for symbol in SYMBOLS:
        venue.tick(symbol, 100.0, 1.0)
    time.sleep(2)
    for second in range(SECONDS):
        pair = [SYMBOLS[(second * IN_A_SECOND + place) % len(SYMBOLS)] for place in range(IN_A_SECOND)]
        _wait_for(0.85)
        for symbol in pair:
            venue.tick(symbol, price[symbol], 1.0)
            price[symbol] = 200.0 - price[symbol]
        for place, symbol in enumerate(pair):
            _wait_for(0.02 + place * 0.22 + second % 7 * 0.03)  # the clock mark would close it 500 ms after its end
            venue.tick(symbol, 100.0, 1.0)
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
        .where(OrderRow.submitted_at.is_not(None))
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
    noop.bare.conf.update(broker_url=broker)
    worker = subprocess.Popen(
        noop.worker(3, "error"), cwd=farms.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    client = bus.connect(url)
    try:
        noop.send()
        _wait_until_taken(client, 1)  # by then the worker is up, and each queue was used once
        for _ in range(BARE):
            noop.send()
            time.sleep(0.07)
        _wait_until_taken(client, 1 + BARE)
        took: list[bytes] = client.lrange(noop.TOOK, 1, -1)  # type: ignore[assignment]
        return [int(value) / 1000 for value in took]
    finally:
        worker.terminate()
        worker.wait(30)


def _wait_until_taken(client: "redis.Redis", count: int) -> None:
    deadline = time.monotonic() + BARE_PATIENCE_S
    while client.llen(noop.TOOK) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"chain {count} of no-op tasks has not come to its end")
        time.sleep(0.1)
