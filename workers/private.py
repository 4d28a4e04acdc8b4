"""The private stream's hints: what the venue says has happened to an order is settled at once, not at the next poll."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.domain.errors import Missing, Unavailable
from app.steps.ports import HandOn, Orders
from app.store import DatabaseError

log = structlog.get_logger()

MOST = 10_000  # hints that may wait; the poll finds what is beyond
TOGETHER_S = 0.02  # an order and its fills are told in frames of their own; one look answers both
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0


class Stream(Protocol):
    """A private stream."""

    async def listen(self, hear: Callable[[str], None], opened: Callable[[], None]) -> None:
        """Pass on client order ids until the connection is lost: then Unavailable."""
        ...

    async def close(self) -> None:
        """End it for good."""
        ...


class Private:
    """Hands orders to orders.settle as the venue tells of them, and all live ones after each (re)connect. `is_up` as
    long as it hears.

    Database and broker are asked in a thread of its own: whatever they do, the feed beside it goes on.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        orders: Orders,
        hand_on: HandOn,
        now: Callable[[], datetime],
        pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self.told = 0
        self.is_up = False
        self._stream, self._orders, self._hand_on, self._now = stream, orders, hand_on, now
        self._waiting: dict[str, None] = {}  # an order that is told of twice before it is handed on is handed on once
        self._filling = False
        self._more = asyncio.Event()
        self._first_pause_s = self._pause_s = pause_s
        self._side = ThreadPoolExecutor(1, "private")

    async def run(self) -> None:
        """Go on until cancelled, or until something happens that nobody foresaw."""
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._hand_over())
                both.create_task(self._listen())
        finally:
            self.is_up = False
            self._side.shutdown(wait=False, cancel_futures=True)
            await self._stream.close()

    async def _listen(self) -> None:
        while True:
            try:
                await self._stream.listen(self._hear, self._opened)
            except Unavailable as error:
                log.warning("private stream is down, the poll goes on", reason=str(error))
            self.is_up = False
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _hear(self, client_order_id: str) -> None:
        self.told += 1
        if len(self._waiting) < MOST:
            self._waiting[client_order_id] = None
            self._more.set()

    def _opened(self) -> None:
        """What happened while nobody listened is told by nobody: ask for every live order."""
        log.info("private stream is up")
        self._pause_s = self._first_pause_s
        self.is_up = self._filling = True
        self._more.set()

    async def _hand_over(self) -> None:
        while True:
            await self._more.wait()
            await asyncio.sleep(TOGETHER_S)
            self._more.clear()
            names, self._waiting = list(self._waiting), {}
            filling, self._filling = self._filling, False
            await asyncio.get_running_loop().run_in_executor(self._side, self._settle, names, filling)

    def _settle(self, names: list[str], filling: bool) -> None:
        try:
            live = self._orders.left_behind(self._now(), timedelta(), MOST) if filling else []
            for order in live:
                if order.claimed_at is not None:
                    self._hand_on.settle(order.client_order_id, order.correlation_id, 0)
            for name in names:
                self._settle_one(name)
        except (DatabaseError, SQLAlchemyError) as error:
            log.warning("hints got lost, the poll goes on", hints=len(names), reason=str(error))

    def _settle_one(self, name: str) -> None:
        try:
            order = self._orders.get(name)
        except Missing:  # placed by hand or by another farm; the reconciliation tells of it
            return
        self._hand_on.settle(name, order.correlation_id, 0)


class Kept:
    """A private stream beside the feed: one that dies is told, and another begins; the feed goes on."""

    def __init__(self, make: Callable[[], Private], *, pause_s: float = FIRST_PAUSE_S) -> None:
        self._make = make
        self._first_pause_s = pause_s
        self._private: Private | None = None

    @property
    def is_up(self) -> bool:
        """Whether the stream is heard."""
        return self._private is not None and self._private.is_up

    async def run(self) -> None:
        """Go on until cancelled."""
        pause_s = self._first_pause_s
        while True:
            try:
                self._private = self._make()
                await self._private.run()
            except Exception:  # whatever it is, it must not be silence
                log.exception("private stream died, another begins", pause_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def private_stream() -> Private:
    """That of this farm, as its settings say."""
    from app import wiring
    from app.exchanges.mexc.private import PrivateStream
    from tasks._hand_on import hand_on

    settings = wiring.settings()
    limiter = wiring.limiter(settings.trading_url)
    stream = PrivateStream(settings.trading_url, settings.trading_ws_url, wiring.key_ring(), limiter=limiter)
    return Private(stream, orders=wiring.orders(), hand_on=hand_on(), now=wiring.clock())
