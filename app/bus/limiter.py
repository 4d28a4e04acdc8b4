"""One budget for everybody who asks a venue's host, kept in Redis; without Redis, a small one of each process."""

import asyncio
import time
from threading import Lock

import redis
import structlog

from app.bus.connection import BusError, Script
from app.bus.keys import Keys
from app.domain.errors import RateLimited
from app.domain.rate_limit import WINDOW_MS, Budget, Priority, Window

log = structlog.get_logger()

AWAY_S = 1.0  # how long Redis is left alone after it has not answered
SHORTEST_S = 0.02
LONGEST_NAP_S = 0.5  # what is left of a window may come earlier than it was said
PAUSES_S = {429: 10.0, 418: 120.0}  # when the venue does not say how long


class Limiter:
    """`host` is whose budget it is, `processes` how many share it should Redis not tell. Any thread may call it."""

    def __init__(self, client: "redis.Redis", keys: Keys, host: str, budget: Budget, *, processes: int) -> None:
        self._names = [keys.budget(host), keys.counters]
        self._permit, self._pause = Script(client, "permit"), Script(client, "pause")
        self._host, self._budget = host, budget
        self._own_budget, self._own = budget.split(processes), Window()
        self._epoch = ""
        self._paused_until = 0.0
        self._away_since: float | None = None
        self._ask_again = 0.0
        self._lock = Lock()

    def acquire(self, weight: int, priority: Priority, patience_s: float | None = None) -> None:
        """Wait for a turn; RateLimited if that would take longer than the patience, and then nothing is spent."""
        until = time.monotonic() + (priority.patience_s if patience_s is None else patience_s)
        first = True
        while wait_s := self._take(weight, priority, first=first):
            time.sleep(self._nap(wait_s, until))
            first = False

    async def wait(self, weight: int, priority: Priority, patience_s: float | None = None) -> None:
        """`acquire` without holding up the event loop."""
        until = time.monotonic() + (priority.patience_s if patience_s is None else patience_s)
        first = True
        while wait_s := await asyncio.to_thread(self._take, weight, priority, first=first):
            await asyncio.sleep(self._nap(wait_s, until))
            first = False

    def pause(self, retry_after_s: float | None, status: int) -> None:
        """The venue has refused with this HTTP status: nobody asks it for so long."""
        wait_s = max(1.0, PAUSES_S.get(status, PAUSES_S[429]) if retry_after_s is None else retry_after_s)
        log.warning("venue wants a pause of all", host=self._host, status=status, seconds=wait_s)
        with self._lock:
            self._paused_until = max(self._paused_until, time.monotonic() + wait_s)
        try:
            self._pause(self._names, round(wait_s * 1000), status)
        except BusError as error:
            self._lost(error)

    def _nap(self, wait_s: float, until: float) -> float:
        if time.monotonic() + wait_s > until:
            raise RateLimited(f"no turn at {self._host} for {wait_s:.1f} s", wait_s)
        return max(SHORTEST_S, min(wait_s, LONGEST_NAP_S))

    def _take(self, weight: int, priority: Priority, *, first: bool) -> float:
        """0 if it is our turn, else seconds until it may be."""
        with self._lock:
            if time.monotonic() < self._ask_again:
                return self._take_own(weight, priority)
            try:
                return self._take_shared(weight, priority, first=first)
            except BusError as error:
                self._lost(error)
                return self._take_own(weight, priority)

    def _take_shared(self, weight: int, priority: Priority, *, first: bool) -> float:
        away = self._away_since is not None
        now_s = time.monotonic()
        wait_ms, epoch, left_ms = self._permit(
            self._names,
            *(weight, self._budget.ceiling(priority), self._budget.ceiling(priority, careful=True)),
            *(priority.resume_ms, self._epoch, max(0, round((self._paused_until - now_s) * 1000))),
            *(int(away), self._own.spent(round(now_s * 1000)), int(first), WINDOW_MS),
        )
        self._epoch = epoch.decode()
        self._paused_until = now_s + left_ms / 1000 if left_ms else 0.0
        if away:
            self._away_since, self._own = None, Window()
            log.info("requests to the venue are shared again", host=self._host)
        return float(wait_ms) / 1000

    def _take_own(self, weight: int, priority: Priority) -> float:
        now_s = time.monotonic()
        resumes = self._paused_until + priority.resume_ms / 1000
        if self._paused_until and now_s < resumes:
            return resumes - now_s
        since = now_s if self._away_since is None else self._away_since
        careful = now_s - since < WINDOW_MS / 1000  # what the others had spent together still counts at the venue
        ceiling = self._own_budget.ceiling(priority, careful=careful)
        return self._own.take(weight, ceiling, round(now_s * 1000)) / 1000

    def _lost(self, error: BusError) -> None:
        now_s = time.monotonic()
        self._ask_again = now_s + AWAY_S
        if self._away_since is None:
            self._away_since = now_s
            log.error("requests to the venue are not shared", host=self._host, reason=str(error))
