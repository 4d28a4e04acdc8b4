"""One recording on its way through a farm: its speed, its progress, its end, and what is told of it."""

import asyncio
import time
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app import figures, wiring
from app.domain.market import interval_seconds
from workers.farm import Farm
from workers.supervisor import CannotStart

LATENESS_MS = 2000
FIRST_SPEED, TOP_SPEED, RISE, FALL = 5.0, 100.0, 1.5, 0.9
LOOK_S = 0.5
LAG_ROWS = 2_000
SLACK_S = 1.0
SETTLED_S = 30.0
LOST_S = 60.0  # a worker that was killed is back sooner


@dataclass(slots=True)
class Drive:
    """The speed of a replay that goes as fast as the farm follows: up while nothing waits, down when it piles up."""

    speed: float = FIRST_SPEED

    def next(self, waiting: int) -> float:
        """Faster by half, or slower by a tenth: a clock that slows down much would sign ahead of the venue's."""
        if waiting > LAG_ROWS:
            self.speed = max(1.0, self.speed * FALL)
        elif waiting < LAG_ROWS // 10:
            self.speed = min(TOP_SPEED, self.speed * RISE)
        return self.speed


class Play:
    """One recording from its first tick to the last order's end."""

    def __init__(self, console: Console, total: int, speed: float | None) -> None:
        self.seen: figures.Figures | None = None
        self.is_over = False
        self.sent = 0
        self._console, self._total, self._speed = console, total, speed
        self._drive = Drive()
        self._began = self._took_s = 0.0
        self._moved = (-1, 0.0)

    async def run(self, farm: Farm) -> None:
        """Until everything that the ticks caused has come to its end; CannotStart if ticks got lost."""
        self._began = time.monotonic()
        await self._go(self._speed or self._drive.speed, first=True)
        with _progress(self._console) as progress:
            bar = progress.add_task("ticks", total=self._total)
            while not await self._is_played():
                progress.update(bar, completed=self._processed())
                await asyncio.sleep(LOOK_S)
            progress.update(bar, completed=self._processed())
        self._took_s = time.monotonic() - self._began
        await self._settle(farm)
        self.is_over = True

    def _processed(self) -> int:
        return self.seen.counters.get("ticks_processed", 0) if self.seen else 0

    async def _go(self, speed: float, *, first: bool = False) -> None:
        control = wiring.venue_control()
        pace = await asyncio.to_thread(control.play if first else control.run, speed)
        wiring.stored_pace().write(pace)

    async def _is_played(self) -> bool:
        status = await asyncio.to_thread(wiring.venue_control().status)
        self.seen = await asyncio.to_thread(figures.read)
        self.sent = status["ticks_sent"]
        if self._speed is None and not status["done"]:
            before = self._drive.speed
            if self._drive.next(self.seen.waiting) != before:
                await self._go(self._drive.speed)
        return bool(status["done"]) and self._has_arrived(time.monotonic())

    def _has_arrived(self, now_s: float) -> bool:
        """Whether every tick came through; CannotStart if the rest does not come."""
        processed = self._processed()
        if processed != self._moved[0]:
            self._moved = (processed, now_s)
        if processed < self.sent and now_s - self._moved[1] > LOST_S:
            cure = f"See feed.log and ticks.log in {wiring.settings().data_dir / 'logs'}, and try a lower --speed"
            raise CannotStart(f"{self.sent - processed} of {self.sent} ticks were lost on their way. {cure}")
        return processed >= self.sent

    async def _settle(self, farm: Farm) -> None:
        """The last bars close by the clock; then signals and orders come to their end."""
        longest = max(map(interval_seconds, farm.settings.bar_intervals))
        await asyncio.sleep(LATENESS_MS / 1000 + longest / self._pace() + SLACK_S)
        deadline = time.monotonic() + SETTLED_S
        while time.monotonic() < deadline:
            self.seen = await asyncio.to_thread(figures.read)
            if self.seen.waiting == 0 and await asyncio.to_thread(wiring.reports().at_rest):
                return
            await asyncio.sleep(LOOK_S)
        self._console.print(f"Some signals or orders have not come to their end {SETTLED_S:g} s after the last tick.")

    def _pace(self) -> float:
        return self._speed or self._drive.speed

    def rows(self, bad: int) -> dict[str, str]:
        """The first rows of the table."""
        return {
            "ticks sent": str(self.sent),
            "ticks processed": str(self._processed()),
            "bars": str(wiring.reports().bars()),
            **({"rows left out": str(bad)} if bad else {}),
            "took": f"{self._took_s:.1f} s, {self._total / max(self._took_s, 0.001):.0f} ticks/s",
            "tick → order": self._delay(),
        }

    def _delay(self) -> str:
        """In real time: the farm's clock runs faster."""
        delay = self.seen.summary.delay if self.seen else None
        if delay is None:
            return "–"
        return f"median {delay.p50_ms / self._pace():.0f} ms, worst {delay.worst_ms / self._pace():.0f} ms"

    def plain(self, bad: int) -> dict[str, object]:
        """For machines."""
        seen = self.seen.plain() if self.seen else {}
        return {
            "ticks_sent": self.sent,
            "ticks_processed": self._processed(),
            "bad_rows": bad,
            "speed": self._pace(),
            **seen,
        }


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
