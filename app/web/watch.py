"""One reader for all who look: the farm is read once a second while somebody does, and all get the same bytes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import structlog

from app.web.models import Status

log = structlog.get_logger()

LOOK_S = 1.0
MOST_LISTENERS = 200


class Full(Exception):
    """So many listen that no more are taken."""


class Watch:
    """`look` is called in a thread, never twice at once."""

    def __init__(self, look: Callable[[], Status]) -> None:
        self.looks = 0
        self._look = look
        self._one_at_a_time = asyncio.Lock()
        self._told = asyncio.Condition()
        self._anybody = asyncio.Event()
        self._listeners = 0
        self._status: Status | None = None
        self._encoded = b""
        self._read_at_s = float("-inf")

    async def run(self) -> None:
        """Until it is cancelled; asks nothing while nobody listens."""
        while True:
            await self._anybody.wait()
            await self.latest()
            async with self._told:
                self._told.notify_all()
            await asyncio.sleep(LOOK_S)

    async def latest(self) -> Status:
        """What was seen within the last second."""
        async with self._one_at_a_time:
            if self._status is None or time.monotonic() - self._read_at_s >= LOOK_S / 2:
                self._status = await asyncio.to_thread(self._look)
                self._read_at_s = time.monotonic()
                self._encoded = self._status.model_dump_json().encode()
                self.looks += 1
            return self._status

    async def listen(self) -> AsyncIterator[bytes]:
        """Each status as JSON, from now on; Full if too many do."""
        if self._listeners >= MOST_LISTENERS:
            raise Full
        self._listeners += 1
        self._anybody.set()
        try:
            if self._encoded and time.monotonic() - self._read_at_s < 2 * LOOK_S:
                yield self._encoded
            while True:
                async with self._told:
                    await self._told.wait()
                yield self._encoded
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._anybody.clear()
