"""A minute ends for the whole market at once: how long until the last of 1,950 symbols was searched for signals."""

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median

import psutil

from app import wiring
from app.celery import farm as celery
from app.domain.market import Bar, BarClose, instant_text, microseconds
from app.domain.window import Window
from app.simulator.catalogue import symbols
from app.steps.tables import as_table, two_rows
from app.store import Bars
from app.strategies.momentum import Strategy
from tasks._hand_on import enqueue_drain
from tasks.signals import find
from tests.bench import farms
from tests.bench.figures import Figure, percentile

SYMBOLS, MINUTES, LOOK_S, PATIENCE_S = 1_950, 3, 0.02, 55.0
MINUTE = timedelta(minutes=1)
NAMES = symbols(SYMBOLS)
ALONE = 300
PARTS = ("ticks", "signals", "redis")
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
        celery.loader.import_default_modules()  # tasks send each other by their names
        remember(wiring.bars(), _next_minute() - 2 * MINUTE)
        waits = [_minute(farm) for _ in range(MINUTES + 1)][1:]
        searches = _searches_ms()
    alone = _alone_ms()
    last = median(took for took, _ in waits)
    used = {part: median(cpu.get(part, 0.0) for _, cpu in waits) for part in waits[-1][1]}
    cpu = median(sum(cpu.values()) for _, cpu in waits)
    return [
        Figure(
            "a minute's end → the last symbol searched, beside that in one process alone",
            last,
            median(alone) * SYMBOLS / 1000,
            "s",
        ),
        Figure("CPU of the farm for a symbol meanwhile, beside its search alone", cpu, median(alone), "ms"),
        *(Figure(f"of which {part}", used[part], None, "ms") for part in PARTS),
        Figure("of which all else", cpu - sum(used[part] for part in PARTS), None, "ms"),
        _beside("CPU of a task that searches one symbol, beside its search alone, median", searches, alone, 50),
        _beside("CPU of a task that searches one symbol, beside its search alone, p99", searches, alone, 99),
    ]


def _beside(name: str, some: Sequence[float], others: Sequence[float], percent: float) -> Figure:
    return Figure(name, percentile(some, percent), percentile(others, percent), "ms")


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


def _minute(farm: psutil.Process) -> tuple[float, dict[str, float]]:
    """A tick of each symbol, then its minute's end: seconds until the last is searched, and ms of CPU a symbol, by
    service.
    """
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
    before = farms.cpu_s(farm)
    closes = [BarClose(name, "1m", instant_text(end)) for name in NAMES]
    while closes := wiring.searched().due(closes, wiring.now()):
        late_s = (datetime.now(UTC) - end).total_seconds()
        assert late_s < PATIENCE_S, f"{len(closes)} symbols were not searched within {PATIENCE_S:g} s"
        time.sleep(LOOK_S)
    took = (datetime.now(UTC) - end).total_seconds()
    used = farms.cpu_s(farm)
    return took, {part: (used[part] - before[part]) / SYMBOLS * 1000 for part in used}


def _searches_ms() -> list[float]:
    """CPU of the task that searches, for one symbol at a time: windows from Redis, signals into the database."""
    end, took = instant_text(_next_minute() - MINUTE), []
    for name in NAMES[:ALONE]:
        began = time.process_time()
        find([[name, "1m", end]], "bench", 0)
        took.append((time.process_time() - began) * 1000)
    return took[1:]


def _next_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0) + MINUTE


def _alone_ms() -> list[float]:
    """CPU of the strategy on one window, without queue, Redis or database."""
    strategy, took = Strategy(), []
    for number in range(ALONE):
        bars = _course("S/USDT", strategy.window, _next_minute(), Random(number))
        window = Window.of("S/USDT", "1m", bars)
        began = time.process_time()
        rows = strategy.indicators(as_table(window))
        before, now = two_rows(rows, len(window) - 1)
        strategy.decide(now, before)
        took.append((time.process_time() - began) * 1000)
    return took[1:]
