"""The end of a replay: what is under way comes to its end, and the last bars close without waiting for their time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from time import monotonic

from rich.console import Console

from app import figures, wiring
from app.cli.asking import answered
from app.domain.market import bar_end_us, instant, interval_seconds
from app.domain.recording import Summary

LOOK_S = 0.5
CALM_LOOKS = 2  # what a worker has just taken is in no queue, and not yet in the database
STILL_S = 30.0

LastBars = Mapping[tuple[str, str], int]  # when it ends, in microseconds, by symbol and interval


class Ending:
    """What is left to do once every tick was worked through; `seen` is the last look."""

    def __init__(self, console: Console, recorded: Summary, intervals: Sequence[str]) -> None:
        self.seen = figures.read()
        self._console = console
        self._bars = last_bars(recorded, intervals)
        self._calm = 0

    async def come(self) -> None:
        """All that is under way ends; then the clock goes to the end of the last bars, and what comes of them ends too.

        A request that was signed before the clock goes on would be late after it.
        """
        await self._rest()
        pace = await answered(lambda: wiring.venue_control().skip(max(self._bars.values())))
        wiring.stored_pace().write(pace)
        await self._until(lambda: are_closed(self._bars), "Some of the last bars have not closed")
        await self._rest()

    async def _rest(self) -> None:
        self._calm = 0
        await self._until(self._is_at_rest, "Some signals or orders have not come to their end")

    async def _until(self, found: Callable[[], bool], otherwise: str) -> None:
        """Tell a person if it does not come, and less and less waiting work is no reason."""
        least, deadline = self.seen.waiting, monotonic() + STILL_S
        while monotonic() < deadline:
            if await asyncio.to_thread(found):
                return
            if self.seen.waiting < least:
                least, deadline = self.seen.waiting, monotonic() + STILL_S
            await asyncio.sleep(LOOK_S)
        self._console.print(f"{otherwise}, and nothing has moved for {STILL_S:g} s.")

    def _is_at_rest(self) -> bool:
        """Nothing waits, no signal is undecided and no order lives, in one look after another."""
        self.seen = figures.read()
        calm = self.seen.waiting == 0 and wiring.reports().at_rest()
        self._calm = self._calm + 1 if calm else 0
        return self._calm >= CALM_LOOKS


def last_bars(recorded: Summary, intervals: Sequence[str]) -> LastBars:
    """When the last bar of each symbol and interval ends."""
    return {
        (symbol, interval): bar_end_us(traded.last_us, interval_seconds(interval) * 1_000_000)
        for symbol, traded in recorded.symbols.items()
        for interval in intervals
    }


def are_closed(bars: LastBars) -> bool:
    """Whether all of these bars are in the database."""
    return all(
        [bar.end for bar in wiring.bars().window(symbol, interval, instant(end_us), 1)] == [instant(end_us)]
        for (symbol, interval), end_us in bars.items()
    )
