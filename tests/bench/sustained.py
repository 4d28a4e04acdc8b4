"""Whether the farm keeps up with 2,000 ticks a second over 50 symbols, and what a tick costs beside its bars alone."""

import time
from dataclasses import dataclass, field

import psutil

from app import wiring
from app.domain.bars import FormingBars
from app.simulator.catalogue import symbols
from tests.bench import farms
from tests.bench.figures import Figure, lag

SYMBOLS, RATE, LOOKS = 50, 2_000, 60
SETTLE_S = 10.0
BUSY = {
    "VENUE_MARKET": "synthetic",
    "VENUE_TICKS_PER_S": str(RATE),
    "SYMBOLS": ",".join(symbols(SYMBOLS)),
    "BAR_INTERVALS": "1s",
    "STRATEGIES": "momentum",
}


@dataclass(slots=True)
class Looks:
    """What was seen once a second: rows in the mailboxes, bars in the signals queue, age of the newest tick."""

    rows: list[float] = field(default_factory=list)
    searches: list[float] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)

    def look(self) -> None:
        """Once."""
        self.ages_ms.append(farms.newest_age_ms(symbols(SYMBOLS)))
        self.rows.append(float(sum(wiring.mailboxes().depths().values())))
        queued: int = wiring.redis().llen(f"{wiring.settings().redis_prefix}signals")
        self.searches.append(float(queued))


def run() -> list[Figure]:
    """Ticks a second, what waits, and CPU."""
    with farms.running(**BUSY) as farm:
        wiring.reset()
        time.sleep(SETTLE_S)
        looks, done, sent, began, used = Looks(), _processed(), _sent(), time.monotonic(), farms.cpu_s(farm)
        for look in range(LOOKS):
            time.sleep(max(0.0, began + look + 1 - time.monotonic()))
            looks.look()
        took = time.monotonic() - began
        done, sent = _processed() - done, _sent() - sent
        cores = {name: (now - used[name]) / took for name, now in farms.cpu_s(farm).items()}
    return [
        Figure("ticks processed, beside ticks sent", done / took, sent / took, "ticks/s"),
        *lag("age of the newest tick that was processed", looks.ages_ms, "ms"),
        *lag("rows that wait for a drain", looks.rows, "rows"),
        *lag("tasks that wait in the queue signals", looks.searches, "tasks"),
        *_costs(cores, done / took),
    ]


def _costs(cores: dict[str, float], rate: float) -> list[Figure]:
    alone = _bars_alone()
    total = sum(cores.values())
    return [
        Figure("CPU of everything, venue and Flower included", total, float(psutil.cpu_count() or 1), "cores"),
        Figure("CPU of a tick, beside its bars alone", total / rate * 1e6, alone, "µs"),
        *(
            Figure(f"  of which {name}", used / rate * 1e6, alone, "µs")
            for name, used in sorted(cores.items(), key=lambda one: -one[1])
        ),
    ]


def _sent() -> int:
    return int(wiring.venue_control().status()["ticks_sent"])


def _processed() -> int:
    return wiring.counters().all().get("ticks_processed", 0)


def _bars_alone() -> float:
    """Microseconds of CPU for a tick in one process, without queue, decoding or database."""
    names, count = symbols(SYMBOLS), 200_000
    rows = [(names[i % SYMBOLS], 1_700_000_000_000_000 + i * 500, 100.0 + i % 7, 1.0, "buy", 0) for i in range(count)]
    bars = FormingBars(("1s",))
    began = time.process_time()
    for start in range(0, count, 64):
        bars.take(rows[start : start + 64])
        bars.clear()
    return (time.process_time() - began) / count * 1e6
