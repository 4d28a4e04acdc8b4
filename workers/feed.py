"""The feed: takes the market in and puts it, as frames of ticks and marks, into the mailboxes."""

import asyncio
import signal
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from math import inf
from typing import Any

import structlog

from app.bus import BusError, Part
from app.domain.continuity import Print, Stamps
from app.domain.errors import Unavailable
from app.domain.market import Tick, flaw, instant_text, microseconds
from workers.feed_ports import Announce, Counters, Habits, Mailboxes, Market, SentUntil, Status
from workers.line import Line
from workers.outbox import Outbox
from workers.shares import LEASE_MS, Shares
from workers.venue_clock import VenueClock

log = structlog.get_logger()

SAMPLE_S = 0.1
STILL_S = 60.0  # so long an event loop may stand still before a probe calls it ill
PRICES_A_MESSAGE = 200  # Valkey 9.1 does not reckon longer ones than 16 KiB among what a slow subscriber is cut off for
AHEAD_US = 60_000_000  # a tick further ahead of the clock than this is none


class Feed:
    """Hears those of `symbols` whose mailboxes are its own, and delivers what it hears; `run` never ends by itself.

    A venue that can tell until when it has sent everything is asked for it (`sent_until`): a clock runs on while a busy
    machine sends nothing, and would close bars before their ticks.
    `beside` is what the status says of what else runs in the process.
    """

    def __init__(
        self,
        *,
        market: Market,
        mailboxes: Mailboxes,
        counters: Counters,
        announce: Announce,
        status: Status,
        send_drain: Callable[[int], None],
        now: Callable[[], datetime],
        symbols: Sequence[str],
        habits: Habits,
        sent_until: SentUntil | None = None,
        beside: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._market = market
        self._mailboxes = mailboxes
        self._counters = counters
        self._announce = announce
        self._status = status
        self._now = now
        self._wanted = symbols
        self._habits = habits
        self._beside = beside
        self._lags_ms: list[float] = []
        self._latency_ms: float | None = None
        self._outbox = Outbox(
            mailboxes,
            send_drain=send_drain,
            forgotten=self._forgotten,
            limit=habits.limit,
            lossless=habits.lossless,
        )
        self._lines: list[Line] = []
        self._unknown: list[str] = []
        self._listed = 0
        self._offset_ms = 0
        self._received_us = 0
        self._stamps: defaultdict[str, Stamps] = defaultdict(Stamps)
        self._prices: dict[str, float] = {}
        self._bad = 0
        self._counted: dict[str, int] = {}
        self._told_bad: dict[str, float] = {}
        self._clock = VenueClock(habits)
        self._sent_until = sent_until
        self._side = ThreadPoolExecutor(1, "status")

    async def run(self) -> None:
        """Connect, and go on until cancelled; then deliver what is left."""
        try:
            await self._open()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._outbox.run())
                for line in self._lines:
                    tasks.create_task(line.run())
                tasks.create_task(self._tell_time())
                tasks.create_task(self._every(self._habits.status_s, self._tell_status))
                tasks.create_task(self._every(self._habits.mark_s, self._tell_prices))
                if not self._habits.lossless:
                    tasks.create_task(self._every(self._habits.offset_s, self._measure))
        finally:
            await self._close()

    def prints(self, symbol: str, prints: Iterable[Print]) -> None:
        """New prints of a symbol, in order, become ticks on their way."""
        received_us = self._received_us or self._begin_turn()
        latest_us = inf if self._habits.lossless else received_us + self._offset_ms * 1000 + AHEAD_US
        stamp = self._stamps[symbol].next
        rows = []
        for ms, price, quantity, side in prints:
            if 0.0 < price < inf and 0.0 < quantity < inf and 0 < ms * 1000 < latest_us:
                rows.append((symbol, stamp(ms), price, quantity, side, received_us))
            else:
                self._complain(Tick(symbol, ms * 1000, price, quantity, side, received_us))
        if rows:
            self._lags_ms.append((received_us - rows[-1][1]) / 1000 + self._offset_ms)
            self._prices[symbol] = rows[-1][2]
            self._outbox.put(symbol, rows)

    def _begin_turn(self) -> int:
        """What is heard in one turn of the loop came in together."""
        self._received_us = microseconds(self._now())
        asyncio.get_running_loop().call_soon(self._end_turn)
        return self._received_us

    def _end_turn(self) -> None:
        self._received_us = 0

    def covered(self, symbol: str, since_ms: int) -> None:
        """From here on every print is told."""
        self._outbox.put(symbol, [("=", symbol, since_ms * 1000)])

    def lost(self, symbol: str) -> None:
        """Something before now is missing."""
        self._outbox.put(symbol, [("!", symbol, self._venue_us())])

    def _forgotten(self, shard: int) -> None:
        """Redis was flushed: what it knew of these symbols begins anew, from now on."""
        log.warning("mailbox was emptied by somebody", shard=shard)
        for symbol in self._known():
            if self._mailboxes.shard(symbol) == shard:
                self.lost(symbol)

    async def _open(self) -> None:
        wait_s = 0.2
        while True:
            try:
                await self._market.open()
            except Unavailable as error:
                log.warning("venue does not answer yet", reason=str(error))
                await self._tell_status()
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, 5)
            else:
                break
        self._choose(self._market.symbols())
        if not self._habits.lossless:
            await self._measure()

    def _choose(self, listed: Sequence[str]) -> None:
        names = set(listed)
        own = [symbol for symbol in self._wanted if self._mailboxes.shard(symbol) in self._mailboxes.own]
        known = [symbol for symbol in own if symbol in names]
        self._unknown = [symbol for symbol in own if symbol not in names]
        self._listed = sum(symbol in names for symbol in self._wanted)
        for symbol in self._unknown:
            near = get_close_matches(symbol, listed, 1)
            cure = f"did you mean {near[0]}?" if near else "take it out of CDB_SYMBOLS"
            log.error("venue does not list a symbol", symbol=symbol, cure=cure)
        patience = self._habits.patience
        streams = self._market.streams(known)
        self._lines = [Line(stream, self._market, self, self._now_ms, patience) for stream in streams]

    async def _measure(self) -> None:
        try:
            self._offset_ms = await self._market.offset_ms(self._now_ms)
        except Unavailable as error:  # the last measurement is as good as any
            log.warning("venue's clock could not be read", reason=str(error))

    async def _tell_time(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_S)
            venue_us = await self._heard_until()
            if venue_us is not None:
                self._clock.sample(venue_us)
            asked = time.monotonic()
            venue_ms = None if self._habits.lossless else self._venue_us() // 1000
            self._clock.heard(await self._market.behind_s(venue_ms), asked)
            for symbol in self._clock.given_up(self._lines):
                self.lost(symbol)
            mark_us = self._clock.mark(self._lines)
            if mark_us is not None:
                self._outbox.put_everywhere(("@", mark_us, microseconds(self._now())))

    async def _heard_until(self) -> int | None:
        if self._sent_until is None:
            return self._venue_us()
        try:
            return await asyncio.to_thread(self._sent_until)
        except Unavailable:  # it is asked again at once
            return None

    async def _tell_prices(self) -> None:
        prices, self._prices = list(self._prices.items()), {}
        for first in range(0, len(prices), PRICES_A_MESSAGE):
            some = {"prices": dict(prices[first : first + PRICES_A_MESSAGE])}
            await self._aside(partial(self._announce, "market_data", "feed", some, self._now()))

    async def _tell_status(self) -> None:
        if self._lags_ms:  # a quiet market is no slow one
            self._latency_ms = round(sum(self._lags_ms) / len(self._lags_ms), 1)
            self._lags_ms.clear()
        status = self._report()
        totals = {"ticks_bad": self._bad, "ticks_conflated": self._outbox.conflated}
        totals["frames_broken"] = sum(line.stream.broken for line in self._lines)
        counts = {name: total - self._counted.get(name, 0) for name, total in totals.items()}
        try:
            await self._aside(lambda: self._status.write(status))
            await self._aside(lambda: self._counters.add(**counts))
        except BusError as error:  # the next report says the same and more
            log.warning("feed cannot report", reason=str(error))
        else:
            self._counted = totals

    def _report(self) -> dict[str, Any]:
        known = self._known()
        refused = sorted(symbol for line in self._lines for symbol in line.stream.refused)
        subscribed = sum(line.hearing for line in self._lines)
        return {
            "at": instant_text(self._now()),
            "symbols": len(known),
            "wanted": self._listed,
            "subscribed": subscribed,
            "stale": sorted(symbol for line in self._lines for symbol in line.stale),
            "refused": refused,
            "unknown": self._unknown,
            "ready": self._listed > 0 and subscribed + len(refused) >= len(known) and not self._behind(),
            "connections": sum(line.behind_since is None for line in self._lines),
            "offset_ms": self._offset_ms,
            "latency_ms": self._latency_ms,
            **self._beside(),
        }

    def _behind(self) -> bool:
        return any(line.behind_since is not None for line in self._lines)

    def _known(self) -> list[str]:
        return [symbol for line in self._lines for symbol in line.stream.symbols]

    def _complain(self, tick: Tick) -> None:
        """Every bad tick is counted; of each reason one is written down in a second."""
        reason = flaw(tick) or f"time {tick.time_us} lies ahead of the clock"
        self._bad += 1
        if time.monotonic() - self._told_bad.get(reason.split()[0], -inf) >= 1:
            self._told_bad[reason.split()[0]] = time.monotonic()
            log.warning("tick is no tick", symbol=tick.symbol, reason=reason, total=self._bad)

    async def _close(self) -> None:
        await self._outbox.close()
        self._side.shutdown(wait=False, cancel_futures=True)
        await asyncio.gather(*(line.stream.close() for line in self._lines), self._market.close())

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await act()
            await asyncio.sleep(seconds)

    async def _aside(self, act: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._side, act)

    def _now_ms(self) -> int:
        return microseconds(self._now()) // 1000

    def _venue_us(self) -> int:
        return microseconds(self._now()) + self._offset_ms * 1000


class Chosen:
    """The symbols of the farm: chosen anew for what is taken together, so that its parts agree on them."""

    def __init__(self, choose: Callable[[], Sequence[str]]) -> None:
        self._choose = choose
        self._turn = asyncio.Lock()
        self._token = ""
        self._symbols: Sequence[str] = ()

    async def at(self, token: str) -> Sequence[str]:
        """Those of the parts that were taken by this token."""
        async with self._turn:
            if token != self._token:
                self._symbols, self._token = await asyncio.to_thread(self._choose), token
            return self._symbols


async def serve(work: Callable[[], Awaitable[None]], beat: Callable[[], object] = bool) -> None:
    """Work until SIGTERM or SIGINT; `beat` is called as long as the loop turns, also while the venue is away."""
    running = asyncio.ensure_future(work())
    turning = asyncio.create_task(_turn(beat))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        log.info("feed stopped")
    finally:
        turning.cancel()


async def _turn(beat: Callable[[], object]) -> None:
    while True:
        beat()
        await asyncio.sleep(SAMPLE_S)


def main() -> None:
    """The feed of this machine's farm."""
    from app import measures, wiring
    from app.exchanges.mexc.stream import PublicMarket
    from app.metrics import Health, Pulse, Told
    from tasks._hand_on import enqueue_drain
    from workers.private import Kept, private_stream

    for module in ("tasks.ticks", "tasks.orders"):  # so that what is sent can be named
        import_module(module)
    wiring.logging("feed")
    wrong = wiring.another_purpose()
    if wrong:
        raise wiring.SettingsError([wrong])
    settings = wiring.settings()
    replay = settings.clock == "replay"

    chosen = Chosen(wiring.symbols_anew)

    async def hear(part: Part) -> None:
        if part.shards > 1:
            structlog.contextvars.bind_contextvars(feed_shard=part.shard)
        symbols = await chosen.at(part.token)
        private = Kept(private_stream) if part.shard == 0 and not replay else None
        feed = Feed(
            market=PublicMarket(settings.rest_url, settings.ws_url, wiring.limiter(settings.rest_url)),
            mailboxes=wiring.mailboxes_of(part),
            counters=wiring.counters(),
            announce=wiring.topics(),
            status=wiring.feed_status_of(part),
            send_drain=enqueue_drain,
            now=wiring.clock(),
            symbols=symbols,
            habits=Habits(lateness_ms=settings.lateness_ms, lossless=replay),
            sent_until=wiring.venue_control().sent_until_us if replay else None,
            beside=lambda: {} if private is None else {"private": "up" if private.is_up else "down"},
        )
        beside = None if private is None else asyncio.create_task(private.run())
        try:
            await feed.run()
        finally:
            if beside is not None:
                beside.cancel()
                await asyncio.gather(beside, return_exceptions=True)

    shares = Shares(wiring.feed_shards(LEASE_MS), hear)
    pulse = Pulse(STILL_S)
    needs = {"redis": wiring.needs_redis, "market": wiring.needs_feed, "shards": shares.objection}
    heard = Told(lambda: (measures.heard(), None), ["feed"])
    health = Health("feed", pulse.objection, needs)
    endpoint = wiring.metrics_endpoint("feed", wiring.totals(), heard, health=health)
    endpoint.begin()
    try:
        asyncio.run(serve(shares.run, pulse.beat))
    finally:
        endpoint.end()
