"""A minute ends for the whole market at once: how long until the last of 1,950 symbols was searched for signals."""

import math
import time
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median

import psutil

from app import wiring
from app.domain.market import Bar, BarClose, instant_text, microseconds
from app.simulator.catalogue import symbols
from app.steps.find_signals import as_table, two_rows
from app.store import Bars
from app.strategies.momentum import Strategy
from tasks._hand_on import enqueue_drain
from tests.bench import farms
from tests.bench.figures import Figure, percentile

SYMBOLS, MINUTES, LOOK_S, PATIENCE_S = 1_950, 3, 0.02, 55.0
MINUTE = timedelta(minutes=1)
NAMES = symbols(SYMBOLS)
ALONE = 300
MARKET = {
    "VENUE_MARKET": "idle",
    "SYMBOLS": ",".join(NAMES),
    "BAR_INTERVALS": "1m",
    "STRATEGIES": "momentum",
    "ARCHIVE": "false",
}


def run() -> list[Figure]:
    """Three minutes, after one in which the windows are made from the database."""
    with farms.running(**MARKET) as farm:
        wiring.reset()
        remember(wiring.bars(), _next_minute() - 2 * MINUTE)
        waits = [_minute(farm) for _ in range(MINUTES + 1)][1:]
    alone = _alone_ms()
    last, cpu = (median(values) for values in zip(*waits, strict=True))
    return [
        Figure(
            "a minute's end → the last symbol searched, beside that in one process alone",
            last,
            median(alone) * SYMBOLS / 1000,
            "s",
        ),
        Figure("CPU of the farm for a symbol meanwhile, beside its search alone", cpu, median(alone), "ms"),
        Figure("CPU of one search alone, p99", percentile(alone, 99), None, "ms"),
    ]


def remember(bars: Bars, until: datetime) -> None:
    """As many bars of each symbol as the strategy wants."""
    wanted = Strategy().window
    for number, name in enumerate(NAMES):
        bars.save(_course(name, wanted, until, Random(number)))


def _course(name: str, count: int, until: datetime, draw: Random) -> list[Bar]:
    found, price = [], 100.0
    for back in reversed(range(count)):
        price *= math.exp(draw.gauss(0, 0.002))
        high, low = price * 1.001, price * 0.999
        found.append(Bar(name, "1m", until - back * MINUTE, price, high, low, price, draw.uniform(1, 3), 9))
    return found


def _minute(farm: psutil.Process) -> tuple[float, float]:
    """A tick of each symbol, then its minute's end: seconds until the last is searched, and ms of CPU a symbol."""
    end = _next_minute()
    if (end - datetime.now(UTC)).total_seconds() < 5:
        end += MINUTE
    time.sleep(max(0.0, (end - MINUTE - datetime.now(UTC)).total_seconds()))
    boxes = wiring.mailboxes()
    now_us = microseconds(datetime.now(UTC))
    for shard in range(boxes.shards):
        rows = [(name, now_us, 100.0, 1.0, "buy", now_us) for name in NAMES if boxes.shard(name) == shard]
        assert boxes.push({shard: rows})[shard].taken
        enqueue_drain(shard)
    time.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()))
    used = sum(farms.cpu_s(farm).values())
    closes = [BarClose(name, "1m", instant_text(end)) for name in NAMES]
    while left := wiring.searched().due(closes, wiring.now()):
        late_s = (datetime.now(UTC) - end).total_seconds()
        assert late_s < PATIENCE_S, f"{len(left)} symbols were not searched within {PATIENCE_S:g} s"
        time.sleep(LOOK_S)
    took = (datetime.now(UTC) - end).total_seconds()
    return took, (sum(farms.cpu_s(farm).values()) - used) / SYMBOLS * 1000


def _next_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0) + MINUTE


def _alone_ms() -> list[float]:
    """CPU of the strategy on one window, without queue, Redis or database."""
    strategy, took = Strategy(), []
    for number in range(ALONE):
        bars = _course("S/USDT", strategy.window, _next_minute(), Random(number))
        began = time.process_time()
        rows = strategy.indicators(as_table(bars))
        before, now = two_rows(rows, len(bars) - 1)
        strategy.decide(now, before)
        took.append((time.process_time() - began) * 1000)
    return took[1:]
