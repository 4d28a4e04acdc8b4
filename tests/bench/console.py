"""What ten open pages of the console cost a farm that has more to do than it can: ticks a second, and CPU."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import aiohttp
import psutil

from app import wiring
from app.simulator.catalogue import symbols
from tests.bench import farms
from tests.bench.figures import Figure
from workers.ports import free_port

SYMBOLS = 50
PAIRS, WINDOW_S, SETTLE_S = 7, 10.0, 20.0
BUSY = {
    "VENUE_MARKET": "synthetic",
    "VENUE_TICKS_PER_S": "40000",  # more than two cores work through
    "SYMBOLS": ",".join(symbols(SYMBOLS)),
    "BAR_INTERVALS": "1s",
    "STRATEGIES": "momentum",
    "MAILBOX_CAP": "20000",
}
# What each page asks for, and how often in seconds; `/status` is asked by all of them once a second.
PAGES: Sequence[tuple[str, float]] = (
    ("/equity?span=24h", 5),
    (f"/bars?symbol={symbols(1)[0]}&interval=1s&limit=400", 2),
    ("/orders?limit=50", 3),
    ("/trades?limit=50", 3),
    ("/dead-letters?limit=200", 3),
) * 2


@dataclass(frozen=True, slots=True)
class Window:
    """Ticks a second that were worked through, the console's CPU and that of all, in cores, and answers given."""

    rate: float
    console: float
    cores: float
    answers: int


def run() -> list[Figure]:
    """Windows with ten pages and with none, in turn, so that what else the machine does meets both."""
    port = free_port()
    with farms.running(**BUSY, CONSOLE_PORT=str(port)) as farm:
        wiring.reset()
        time.sleep(SETTLE_S)
        both = [(_window(farm, port, 0), _window(farm, port, len(PAGES))) for _ in range(PAIRS)]
    idle, open_ = [one for one, _ in both], [one for _, one in both]
    return [
        Figure(
            "ticks processed with ten pages open, beside none",
            median(one.rate for one in open_),
            median(one.rate for one in idle),
            "ticks/s",
        ),
        Figure(
            "throughput that ten pages cost, median of pairs",
            100 * median(1 - after.rate / before.rate for before, after in both),
            None,
            "%",
        ),
        Figure(
            "CPU of the console with ten pages, beside all of the farm's",
            median(one.console for one in open_),
            median(one.cores for one in open_),
            "cores",
        ),
        Figure("CPU of the console with no page", median(one.console for one in idle), None, "cores"),
        Figure("answers to pages", median(one.answers for one in open_) / WINDOW_S, None, "1/s"),
    ]


def _window(farm: psutil.Process, port: int, pages: int) -> Window:
    done, used, began = _processed(), farms.cpu_s(farm), time.monotonic()
    answers = asyncio.run(_look(port, pages))
    took = time.monotonic() - began
    cores = {name: (now - used[name]) / took for name, now in farms.cpu_s(farm).items()}
    return Window((_processed() - done) / took, cores["console"], sum(cores.values()), answers)


async def _look(port: int, pages: int) -> int:
    ends_at = time.monotonic() + WINDOW_S
    if not pages:
        await asyncio.sleep(WINDOW_S)
        return 0
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as browser:
        asking = [_page(browser, path, every_s, ends_at) for path, every_s in (*PAGES, *[("/status", 1.0)] * pages)]
        return sum(await asyncio.gather(*asking))


async def _page(browser: aiohttp.ClientSession, path: str, every_s: float, ends_at: float) -> int:
    answers = 0
    while time.monotonic() < ends_at:
        async with browser.get(f"/api/v1{path}") as answer:
            answer.raise_for_status()
            await answer.read()
        answers += 1
        await asyncio.sleep(max(0.0, min(every_s, ends_at - time.monotonic())))
    return answers


def _processed() -> int:
    return wiring.counters().all().get("ticks_processed", 0)
