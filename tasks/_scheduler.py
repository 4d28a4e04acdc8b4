"""Beat, of which one sends: the others stand by, and one takes over when it is gone."""

import time
from typing import Any

import structlog
from celery.beat import PersistentScheduler

from app import wiring
from app.bus import BusError

log = structlog.get_logger()

LEASE_MS = 10_000
HOLD_S = 2.0


class OneScheduler(PersistentScheduler):
    """Celery's, which sends while this process leads; what two have sent after all is done twice, and harms nothing."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._leads = wiring.leadership("beat", LEASE_MS)
        self._led = False
        self._held_s = -HOLD_S
        self._told: str | None = ""
        super().__init__(*args, **options)

    def tick(self, *args: Any, **options: Any) -> float:
        """What is due, if it is this one's; seconds until it is to be asked again."""
        if time.monotonic() - self._held_s >= HOLD_S:
            self._led = self._hold()
            self._held_s = time.monotonic()
        return min(HOLD_S, super().tick(*args, **options)) if self._led else HOLD_S

    def close(self) -> None:
        """Let another send."""
        try:
            self._leads.resign()
        except BusError as error:  # it runs out
            log.info("lead not given back", service="beat", reason=str(error))
        super().close()

    def _hold(self) -> bool:
        try:
            holder = self._leads.hold()
        except BusError as error:  # who led goes on: Celery waits for Redis, too
            log.warning("lead cannot be held", service="beat", reason=str(error))
            return self._led
        if holder != self._told:
            log.info("leads" if holder is None else "stands by", service="beat", leader=holder)
            self._told = holder
        return holder is None
