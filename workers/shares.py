"""Of several feeds each hears a fair part of the market: this one what is its own, begun anew each time it is taken."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Any, Protocol, TypeVar

import structlog

from app.bus import BusError, Part, Turn

log = structlog.get_logger()

T = TypeVar("T")

LEASE_MS = 4_000
LOOK_S = 0.5
GIVEN_S = 5.0
STRANGE_S = 60.0  # longer than an upgrade to other numbers takes, in which the new feed waits for the end of the old


class Shards(Protocol):
    """Who hears which part of the market."""

    def turn(self) -> Turn:
        """Go on with what this feed has, and take what is free of its part."""
        ...

    def give_back(self, part: Part) -> None:
        """Let another feed have it."""
        ...

    def leave(self) -> None:
        """Let others have all."""
        ...


class Shares:
    """Runs `hear` for each part that this feed has, for as long as it has it.

    Redis that does not answer takes a part from nobody: without it nothing can be pushed, by this feed or another.
    """

    def __init__(self, shards: Shards, hear: Callable[[Part], Awaitable[None]]) -> None:
        self._shards = shards
        self._hear = hear
        self._heard: dict[Part, asyncio.Future[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._giving = 0
        self._told = ""
        self._refusal = ""
        self._refused_since = monotonic()
        self._side = ThreadPoolExecutor(1, "shards")  # of its own: a lease must not wait for whatever else is asked

    async def run(self) -> None:
        """Go on until cancelled, or until a part ends by itself; then let others have all."""
        try:
            while not await self._ended():
                await self._turn()
        finally:
            await self._leave()

    def objection(self) -> str | None:
        """Why this feed is given nothing, once that has lasted."""
        lasts = self._refusal and monotonic() - self._refused_since >= STRANGE_S
        return self._refusal if lasts else None

    async def _ended(self) -> bool:
        """Wait a little; whether a part has ended, whose error is raised."""
        if not self._heard:
            await asyncio.sleep(LOOK_S)
            return False
        done, _ = await asyncio.wait(self._heard.values(), timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
        return bool(done)

    async def _turn(self) -> None:
        try:
            turn = await self._aside(self._shards.turn)
        except BusError as error:
            self._say("shards of the feed cannot be held", reason=str(error))
            return
        for part in turn.lost:
            log.warning("another feed leads now", service="feed", shard=part.shard)
            self._later(_ended_by_us(self._heard.pop(part)))
        for part in turn.taken:
            log.info("leads", service="feed", shard=part.shard, shards=part.shards)
            self._heard[part] = asyncio.ensure_future(self._hear(part))
        for part in sorted(self._heard, reverse=True)[: max(0, turn.surplus - self._giving)]:
            log.info("gives back", service="feed", shard=part.shard)
            self._giving += 1
            self._later(self._give(part, self._heard.pop(part)))
        self._tell(turn)

    def _tell(self, turn: Turn) -> None:
        if not turn.refusal:
            self._refused_since = monotonic()
        self._refusal = turn.refusal
        if turn.refusal:
            self._say("this feed is set otherwise than the others", reason=turn.refusal)
        elif not self._heard and turn.others:
            self._say("stands by", service="feed", leader=", ".join(turn.others))
        else:
            self._told = ""

    def _say(self, event: str, **fields: str) -> None:
        """Once, for as long as it is so."""
        if self._told != f"{event} {fields}":
            self._told = f"{event} {fields}"
            log.log(logging.INFO if event == "stands by" else logging.ERROR, event, **fields)

    async def _give(self, part: Part, work: asyncio.Future[None]) -> None:
        """What it has heard is delivered first."""
        await _ended_by_us(work)
        try:
            await self._aside(partial(self._shards.give_back, part))
        except BusError as error:
            log.info("shard not given back, its lease runs out", shard=part.shard, reason=str(error))
        finally:
            self._giving -= 1

    async def _leave(self) -> None:
        works = [work for work in self._heard.values() if not work.done()]
        await asyncio.gather(*map(_ended_by_us, works), *self._ending)
        try:
            await self._aside(self._shards.leave)
        except BusError as error:
            log.info("shards not given back, their leases run out", reason=str(error))
        self._side.shutdown(wait=False)

    def _later(self, act: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(act)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _aside(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._side, act)


async def _ended_by_us(work: asyncio.Future[None]) -> None:
    """Cancelled, and given a while to deliver what is left; what it then still pushes is refused."""
    work.cancel()
    done, _ = await asyncio.wait({work}, timeout=GIVEN_S)
    if not done:
        log.error("a shard of the feed does not end")
    elif not work.cancelled() and work.exception() is not None:
        log.error("a shard of the feed did not end well", exc_info=work.exception())
