"""Questions to the simulated venue of a farm, which a busy machine may keep waiting."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from app.domain.errors import Unavailable

PATIENCE_S = 60.0
PAUSE_S = 0.5

Answer = TypeVar("Answer")


async def answered(ask: Callable[[], Answer]) -> Answer:
    """What it answers, at last; Unavailable if it does not for a minute. It may be asked twice."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await asyncio.to_thread(ask)
        except Unavailable:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(PAUSE_S)
