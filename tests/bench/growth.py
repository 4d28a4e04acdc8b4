"""How the farm grows: with processes on the queues that the market loads, and with symbols."""

import time
from dataclasses import dataclass
from datetime import datetime
from statistics import median

import psutil

from app import wiring
from app.domain.market import BarClose, instant_text
from app.simulator.catalogue import symbols
from app.steps.drain import CLOSES_AT_ONCE
from tests.bench import drain, farms, minute
from tests.bench.figures import Figure

PROCESSES, SYMBOLS, FEW = (1, 2, 4), (50, 500, 1_950), 50
ROUNDS, LOOK_S, PATIENCE_S = 3, 0.02, 300.0


@dataclass(frozen=True, slots=True)
class Grown:
    """Units a second, microseconds of CPU of one, and MiB: of the queue's largest process and of the whole farm."""

    rate: float
    cpu_us: float
    own_mib: float
    whole_mib: float


def run() -> list[Figure]:
    """Each beside one process, or beside few symbols."""
    drains = [farms.apart(_drained, FEW, processes) for processes in PROCESSES]
    searches = [farms.apart(_searched, processes) for processes in PROCESSES]
    markets = [farms.apart(_drained, count, 2) for count in SYMBOLS]
    return [
        *_by_process("ticks", "tick", "ticks/s", drains),
        *_by_process("signals", "search", "searches/s", searches),
        *_by_symbols(markets),
    ]


def _by_process(queue: str, one_of: str, unit: str, grown: list[Grown]) -> list[Figure]:
    first, figures = grown[0], []
    for processes, one in zip(PROCESSES, grown, strict=True):
        name = f"queue {queue}, {processes} {'process' if processes == 1 else 'processes'}"
        figures += [
            Figure(f"{name}, beside one", one.rate, first.rate, unit),
            Figure(f"  CPU of the queue's processes for a {one_of}", one.cpu_us, first.cpu_us, "µs"),
        ]
    return figures


def _by_symbols(grown: list[Grown]) -> list[Figure]:
    first, figures = grown[0], []
    for count, one in zip(SYMBOLS, grown, strict=True):
        figures += [
            Figure(f"{count} symbols, two processes, beside {FEW}", one.rate, first.rate, "ticks/s"),
            Figure("  CPU of the queue's processes for a tick", one.cpu_us, first.cpu_us, "µs"),
            Figure("  own memory of a process on the queue", one.own_mib, first.own_mib, "MiB"),
            Figure("  own memory of the whole farm, Redis and venue with it", one.whole_mib, first.whole_mib, "MiB"),
        ]
    return figures


def _drained(count: int, processes: int) -> Grown:
    """Full mailboxes, as many as there are processes at most."""
    names = symbols(count)
    with drain.busy(names, SHARDS=str(max(PROCESSES)), WORKERS_TICKS=str(processes)) as farm:
        found = drain.rounds(farm, names)
        return Grown(
            median(one.rate for one in found),
            median(one.workers_us for one in found),
            farms.own_memory(farm)["ticks"],
            farms.whole_memory(farm),
        )


def _searched(processes: int) -> Grown:
    """The bars of the whole market close at once, again and again; the windows are in Redis from the second time on."""
    with farms.running(**minute.MARKET, WORKERS_SIGNALS=str(processes)) as farm:
        wiring.reset()
        end = wiring.now().replace(second=0, microsecond=0)
        minute.remember(wiring.bars(), end)
        found = [_search(farm, end) for _ in range(ROUNDS + 1)][1:]
        rate, cpu_us = (median(values) for values in zip(*found, strict=True))
        return Grown(rate, cpu_us, farms.own_memory(farm)["signals"], farms.whole_memory(farm))


def _search(farm: psutil.Process, end: datetime) -> tuple[float, float]:
    import tasks.signals  # noqa: F401  # so that a search can be named
    from tasks._hand_on import hand_on

    closes = [BarClose(name, "1m", instant_text(end)) for name in minute.NAMES]
    wiring.redis().delete(wiring.keys().searched)
    used, began = farms.cpu_s(farm)["signals"], time.monotonic()
    for first in range(0, len(closes), CLOSES_AT_ONCE):
        hand_on().closes(closes[first : first + CLOSES_AT_ONCE], "bench", 0)
    left = closes
    while left := wiring.searched().due(left, wiring.now()):  # what was searched is forgotten after a while
        if time.monotonic() - began > PATIENCE_S:
            raise TimeoutError(f"not every symbol was searched within {PATIENCE_S:g} s")
        time.sleep(LOOK_S)
    took = time.monotonic() - began
    return len(closes) / took, (farms.cpu_s(farm)["signals"] - used) / len(closes) * 1e6
