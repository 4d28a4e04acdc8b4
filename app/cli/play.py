"""One recording on its way through a farm: its speed, its progress, its end, and what is told of it."""

import asyncio
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app import figures, wiring
from app.cli.asking import answered
from app.cli.drive import Drive
from app.cli.ending import Ending
from app.domain.recording import Summary
from workers.farm import Farm
from workers.supervisor import CannotStart

LATENESS_MS = 2000
LOOK_S = 0.5
LOST_S = 60.0  # a worker that was killed is back sooner
DECIDING = ("signals", "risk", "orders")


class Play:
    """One recording from its first tick to the last order's end."""

    def __init__(self, console: Console, recorded: Summary, speed: float | None) -> None:
        self.seen: figures.Figures | None = None
        self.is_over = False
        self.sent = 0
        self._console, self._recorded, self._speed = console, recorded, speed
        self._drive = Drive()
        self._began = self._took_s = 0.0
        self._moved = (-1, 0.0)

    async def run(self, farm: Farm) -> None:
        """Until everything that the ticks caused has come to its end; CannotStart if ticks got lost."""
        self._began = time.monotonic()
        await self._go(self._speed or self._drive.speed, first=True)
        with _progress(self._console) as progress:
            bar = progress.add_task("ticks", total=self._recorded.rows)
            while not await self._is_played():
                progress.update(bar, completed=self._processed())
                await asyncio.sleep(LOOK_S)
            progress.update(bar, completed=self._processed())
        self._took_s = time.monotonic() - self._began
        ending = Ending(self._console, self._recorded, farm.settings.bar_intervals)
        await ending.come()
        self.seen = ending.seen
        self.is_over = True

    def _processed(self) -> int:
        return self.seen.counters.get("ticks_processed", 0) if self.seen else 0

    async def _go(self, speed: float, *, first: bool = False) -> None:
        control = wiring.venue_control()
        pace = await answered(lambda: control.play(speed) if first else control.run(speed))
        wiring.stored_pace().write(pace)

    async def _is_played(self) -> bool:
        status = await self._status()
        self.seen = seen = await asyncio.to_thread(figures.read)
        self.sent = status["ticks_sent"]
        if self._speed is None and not status["done"]:
            before = self._drive.speed
            if self._drive.next(sum(seen.mailboxes.values()), sum(seen.queues[name] for name in DECIDING)) != before:
                await self._go(self._drive.speed)
        return bool(status["done"]) and self._has_arrived(time.monotonic())

    async def _status(self) -> dict[str, Any]:
        status = await answered(wiring.venue_control().status)
        if not status["playing"]:
            raise CannotStart(f"The simulated venue began anew. See venue.log in {_logs()}, and start the replay again")
        return status

    def _has_arrived(self, now_s: float) -> bool:
        """Whether every tick came through; CannotStart if the rest does not come."""
        processed = self._processed()
        if processed != self._moved[0]:
            self._moved = (processed, now_s)
        if processed < self.sent and now_s - self._moved[1] > LOST_S:
            cure = f"See feed.log and ticks.log in {_logs()}, and try a lower --speed"
            raise CannotStart(f"{self.sent - processed} of {self.sent} ticks were lost on their way. {cure}")
        return processed >= self.sent

    def _pace(self) -> float:
        """How fast it was, on the average."""
        recorded_s = (self._recorded.last_us - self._recorded.first_us) / 1_000_000
        return self._speed or round(max(recorded_s / max(self._took_s, 0.001), 0.001), 2)

    def rows(self, bad: int) -> dict[str, str]:
        """The first rows of the table."""
        return {
            "ticks sent": str(self.sent),
            "ticks processed": str(self._processed()),
            "bars": str(wiring.reports().bars()),
            **({"rows left out": str(bad)} if bad else {}),
            "took": f"{self._took_s:.1f} s, {self._recorded.rows / max(self._took_s, 0.001):.0f} ticks/s",
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


def _logs() -> Path:
    return wiring.settings().data_dir / "logs"


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
