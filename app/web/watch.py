"""One reader for all who look: the farm is read once a second while somebody does, and all get the same bytes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from app.web.models import Status

LOOK_S = 1.0
OLD = 0.8  # of that: whoever asks once a second gets something new each time
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

    async def latest(self) -> bytes:
        """What was seen within the last second, as JSON."""
        async with self._one_at_a_time:
            if not self._encoded or time.monotonic() - self._read_at_s >= OLD * LOOK_S:
                self._encoded = await asyncio.to_thread(self._read)
                self._read_at_s = time.monotonic()
                self.looks += 1
            return self._encoded

    def _read(self) -> bytes:
        return self._look().model_dump_json(by_alias=True).encode()

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
