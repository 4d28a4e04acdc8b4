"""What ten open pages of the console cost a farm that has more to do than two cores work through."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from statistics import median

import aiohttp
import psutil

from app import wiring
from app.simulator.catalogue import symbols
from tests.bench import farms
from tests.bench.backlog import Backlog
from tests.bench.figures import Figure, percentile
from workers.ports import free_port

NAMES = symbols(50)
PAIRS, ROWS, SETTLE_S = 64, 2_400_000, 5.0
BUSY = {
    "VENUE_MARKET": "idle",
    "SYMBOLS": ",".join(NAMES),
    "BAR_INTERVALS": "1s",
    "STRATEGIES": "momentum",
    "MAILBOX_CAP": str(ROWS),
    "ARCHIVE": "false",  # its work would reach into the next window
}
# What each page asks for, and how often in seconds; `/status` is asked by all of them once a second.
PAGES: Sequence[tuple[str, float]] = (
    ("/equity?span=24h", 5),
    (f"/bars?symbol={NAMES[0]}&interval=1s&limit=400", 2),
    ("/orders?limit=50", 5),
    ("/trades?limit=50", 5),
    ("/dead-letters?limit=200", 5),
) * 2


@dataclass(frozen=True, slots=True)
class Window:
    """Ticks a second, the CPU of the console, of the whole farm and of who asked, in cores, and answers a second."""

    rate: float
    console: float
    farm: float
    asking: float
    answers: float

    @property
    def cpu_us(self) -> float:
        """Of a tick, with all that the farm does meanwhile; what else the machine does takes time, none of our CPU."""
        return self.farm / self.rate * 1e6


def run() -> list[Figure]:
    """The same amount of ticks with ten pages and with none, in turn; a coin says which comes first."""
    port, draw = free_port(), Random(1)
    both: list[tuple[Window, Window]] = []
    with farms.running(**BUSY, CONSOLE_PORT=str(port)) as farm:
        wiring.reset()
        time.sleep(SETTLE_S)
        backlog = Backlog(NAMES)
        for _ in range(PAIRS):
            first = draw.choice((0, len(PAGES)))
            pair = {pages: _window(farm, backlog, port, pages, draw) for pages in (first, len(PAGES) - first)}
            both.append((pair[0], pair[len(PAGES)]))
    idle, open_ = [one for one, _ in both], [one for _, one in both]
    costs = [100 * (1 - after.rate / before.rate) for before, after in both]
    dearer = [100 * (after.cpu_us / before.cpu_us - 1) for before, after in both]
    return [
        Figure(
            "ticks worked through with ten pages open, beside none",
            median(one.rate for one in open_),
            median(one.rate for one in idle),
            "ticks/s",
        ),
        *_told("what ten pages and this benchmark's asking cost of that", costs),
        Figure(
            "CPU of a tick, with all of the farm, ten pages open",
            median(one.cpu_us for one in open_),
            median(one.cpu_us for one in idle),
            "µs",
        ),
        *_told("by what ten pages make it dearer", dearer),
        Figure(
            "CPU of the console with ten pages, beside all of the farm's",
            median(one.console for one in open_),
            median(one.farm for one in open_),
            "cores",
        ),
        Figure(
            "  its share of what the farm uses, which is all there is",
            median(100 * one.console / one.farm for one in open_),
            None,
            "%",
        ),
        Figure("CPU of the console with no page", median(one.console for one in idle), None, "cores"),
        Figure("CPU of this benchmark's own asking", median(one.asking for one in open_), None, "cores"),
        Figure("answers to pages", median(one.answers for one in open_), None, "1/s"),
    ]


def _told(what: str, percents: Sequence[float], rounds: int = 10_000) -> list[Figure]:
    """Their median, and its 95 % interval by drawing them anew (bootstrap)."""
    draw = Random(1)
    medians = [median(draw.choices(percents, k=len(percents))) for _ in range(rounds)]
    return [
        Figure(f"  {what}, median of {len(percents)} pairs", median(percents), None, "%"),
        Figure("  lower end of its 95 % interval", percentile(medians, 2.5), None, "%"),
        Figure("  upper end", percentile(medians, 97.5), None, "%"),
    ]


def _window(farm: psutil.Process, backlog: Backlog, port: int, pages: int, draw: Random) -> Window:
    backlog.fill(ROWS)
    used, own, began = farms.cpu_s(farm), time.process_time(), time.monotonic()
    rate, answers = asyncio.run(_look(backlog, port, pages, draw))
    took, own = time.monotonic() - began, time.process_time() - own
    cores = {name: (now - used[name]) / took for name, now in farms.cpu_s(farm).items()}
    return Window(rate, cores["console"], sum(cores.values()), own / took, answers / took)


async def _look(backlog: Backlog, port: int, pages: int, draw: Random) -> tuple[float, int]:
    """Ask as long as there is work."""
    answered: list[str] = []
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as browser:
        wanted = (*PAGES, *[("/status", 1.0)] * pages) if pages else ()
        asking = [
            asyncio.create_task(_page(browser, path, every_s, draw.random(), answered)) for path, every_s in wanted
        ]
        rate = await asyncio.to_thread(backlog.work_off)
        for one in asking:
            one.cancel()
        for one in asking:
            with suppress(asyncio.CancelledError):  # it was asked to end
                await one
    return rate, len(answered)


async def _page(browser: aiohttp.ClientSession, path: str, every_s: float, opened: float, answered: list[str]) -> None:
    """`opened` is what part of its interval had gone when the window began."""
    await asyncio.sleep(every_s * (1 - opened))
    while True:
        async with browser.get(f"/api/v1{path}") as answer:
            answer.raise_for_status()
            await answer.read()
        answered.append(path)
        await asyncio.sleep(every_s)
