"""One connection to the market: hears, notices when it stops hearing, and catches up with what it missed."""

import asyncio
import contextlib
import time
from collections.abc import Callable

import structlog

from app.domain.continuity import Early, Print, joined
from app.domain.errors import Unavailable
from workers.feed_ports import Asking, Patience, Report, Stream

log = structlog.get_logger()

PROBES = 2
SETTLED_MS = 2_000  # how long the venue may take to show a print that it has sent


class Line:
    """Keeps one stream alive. `behind_since` is the monotonic time since when it does not hear everything."""

    def __init__(
        self, stream: Stream, venue: Asking, report: Report, now_ms: Callable[[], int], patience: Patience
    ) -> None:
        self.behind_since: float | None = time.monotonic()
        self.stale: set[str] = set()
        self.stream = stream
        self._venue = venue
        self._report = report
        self._now_ms = now_ms
        self._patience = patience
        self._held: dict[str, list[Print]] = {}
        self._reach: dict[str, int] = {}
        self._tails: dict[str, list[Print]] = {}
        self._early: dict[str, Early] = {}
        self._spoke: dict[str, float] = {}
        self._told_refused: set[str] = set()

    @property
    def hearing(self) -> int:
        """How many symbols are heard and complete."""
        return len(self.stream.confirmed - self._held.keys())

    async def run(self) -> None:
        """Listen, for ever."""
        while True:
            self._held = {symbol: [] for symbol in self.stream.symbols}
            self._early.clear()
            self.behind_since = self.behind_since or time.monotonic()
            try:
                async with asyncio.TaskGroup() as beside:
                    beside.create_task(self._catch_up())
                    beside.create_task(self._watch())
                    await self.stream.listen(self._hear)
            except* Unavailable as errors:
                log.warning("market stream lost", symbols=len(self.stream.symbols), reason=str(errors.exceptions[0]))
            await asyncio.sleep(self._patience.redial_s)

    def _hear(self, symbol: str, prints: list[Print]) -> None:
        self._spoke[symbol] = time.monotonic()
        self.stale.discard(symbol)
        held = self._held.get(symbol)
        if held is None:
            self._pass_on(symbol, self._unknown(symbol, prints) if self._early else prints)
        else:
            held.extend(prints)

    def _unknown(self, symbol: str, prints: list[Print]) -> list[Print]:
        """Without what the venue had answered already when the stream was a little behind."""
        early = self._early.get(symbol)
        if early is None:
            return prints
        new = early.unknown(prints)
        if prints and early.is_over(prints[-1].ms):
            del self._early[symbol]
        return new

    def _pass_on(self, symbol: str, prints: list[Print]) -> None:
        """On to the feed; the newest ones are remembered, and with them whatever came in the same frames."""
        if not prints:
            return
        self._report.prints(symbol, prints)
        newest_ms, reach_ms = max(prints)[0], self._reach.get(symbol, 0)
        if newest_ms > reach_ms:
            self._reach[symbol], self._tails[symbol] = newest_ms, prints
        elif newest_ms == reach_ms:
            self._tails[symbol] = [*self._tails.get(symbol, ()), *prints]

    async def _catch_up(self) -> None:
        """Once subscribed, ask for what happened before, and only then let the live prints through."""
        await self._confirmed()
        self._tell_refused()
        began = time.monotonic()
        with contextlib.suppress(TimeoutError):  # what is not there by then is given up below
            async with asyncio.timeout(self._patience.catch_up_s), asyncio.TaskGroup() as asking:
                for symbol in self.stream.symbols:
                    asking.create_task(self._complete(symbol))
        for symbol in list(self._held):
            self._give_up(symbol)
        self.behind_since = None
        log.info("market stream complete", symbols=self.hearing, seconds=round(time.monotonic() - began, 2))

    async def _confirmed(self) -> None:
        until = time.monotonic() + self._patience.confirm_s
        stream, wanted = self.stream, set(self.stream.symbols)
        while not wanted <= stream.confirmed | stream.refused.keys() and time.monotonic() < until:
            await asyncio.sleep(0.02)

    def _tell_refused(self) -> None:
        """Once for each symbol: a venue that refuses one goes on refusing it."""
        for symbol in self.stream.refused.keys() - self._told_refused:
            self._told_refused.add(symbol)
            reason = self.stream.refused[symbol]
            log.error("venue refused a symbol", symbol=symbol, reason=reason, cure="take it out of CDB_SYMBOLS")

    async def _complete(self, symbol: str) -> None:
        first = symbol not in self._reach
        now_ms = self._now_ms()
        since_ms = self._beginning(now_ms) if first else self._reach[symbol]
        try:
            asked = await self._venue.missed(symbol, since_ms, now_ms + 1000)
        except Unavailable as error:
            log.warning("missed prints are lost", symbol=symbol, reason=str(error))
            return
        if first:
            self._reach[symbol] = since_ms
            self._report.covered(symbol, since_ms)
        tails, held = self._tails.get(symbol, []), self._held.pop(symbol)
        self._early[symbol] = Early(tails, asked, held)
        self._pass_on(symbol, joined(tails, asked, held))
        self._advance(symbol, now_ms)

    def _advance(self, symbol: str, now_ms: int) -> None:
        """A quiet symbol was asked about until now: next time one need not ask so far back."""
        if now_ms - SETTLED_MS > self._reach[symbol]:
            self._reach[symbol] = now_ms - SETTLED_MS
            self._tails[symbol] = []

    def _beginning(self, now_ms: int) -> int:
        """The beginning of a minute, so that whole bars can begin there."""
        since_ms = now_ms - round(self._patience.reach_s * 1000)
        return since_ms - since_ms % 60_000

    def _give_up(self, symbol: str) -> None:
        held = self._held.pop(symbol)
        self._reach.setdefault(symbol, self._now_ms())
        self._report.lost(symbol)
        self._pass_on(symbol, held)

    async def _watch(self) -> None:
        """Ask the venue about symbols that are silent: only if it knows newer prints, the stream is deaf."""
        turn = 0
        while True:
            await asyncio.sleep(self._patience.silent_s)
            silent = sorted(self._silent())
            probed = {silent[(turn + i) % len(silent)] for i in range(PROBES)} if silent else set()
            turn += PROBES
            deaf = [symbol for symbol in probed if await self._is_deaf(symbol)]
            if deaf:
                self.stale.update(deaf)
                log.warning("market stream is deaf", symbols=sorted(deaf))
                await self.stream.drop()

    def _silent(self) -> list[str]:
        since = time.monotonic() - self._patience.silent_s
        known = [symbol for symbol in self._reach if symbol not in self._held and symbol not in self.stream.refused]
        return [symbol for symbol in known if self._spoke.get(symbol, 0) < since]

    async def _is_deaf(self, symbol: str) -> bool:
        now_ms, reach = self._now_ms(), self._reach[symbol]
        try:
            asked = await self._venue.missed(symbol, reach, max(now_ms - SETTLED_MS, reach))
        except Unavailable:  # no answer is no proof; the next turn asks again
            return False
        if self._reach[symbol] != reach:  # it spoke meanwhile
            return False
        deaf = bool(joined(self._tails.get(symbol, ()), asked, ()))
        if not deaf:
            self._advance(symbol, now_ms)
        return deaf
