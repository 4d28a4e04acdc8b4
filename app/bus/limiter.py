"""A budget for each endpoint that everybody who asks a venue shares in Redis; without it, a small one per process."""

import asyncio
import time
from threading import Lock

import redis
import structlog

from app.bus.connection import BusError, Script
from app.bus.keys import Keys
from app.domain.errors import RateLimited
from app.domain.rate_limit import Budget, Pause, Priority, Window

log = structlog.get_logger()

AWAY_S = 1.0  # how long Redis is left alone after it has not answered
SHORTEST_S = 0.02
LONGEST_NAP_S = 0.5  # what is left of a window may come earlier than it was said
PAUSES_S = {429: 10.0, 418: 120.0}  # when the venue does not say how long


class Limiter:
    """`host` is whose budgets they are, `processes` how many share them should Redis not tell. Any thread may call it.

    Each endpoint has the whole `budget`; a pause is of the host.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, host: str, budget: Budget, *, processes: int) -> None:
        self._client, self._keys = client, keys
        self._names = [keys.budget(host), keys.counters]
        self._permit, self._pause = Script(client, "permit"), Script(client, "pause")
        self.host, self._budget = host, budget
        self._own_budget = budget.split(processes)
        self._own: dict[str, Window] = {}
        self._epoch = ""
        self._paused_until, self._paused_for = 0.0, 0
        self._away_since: float | None = None
        self._ask_again = 0.0
        self._lock = Lock()

    def acquire(self, endpoint: str, weight: int, priority: Priority, patience_s: float | None = None) -> None:
        """Wait for a turn; RateLimited if that would take longer than the patience, and then nothing is spent."""
        until = time.monotonic() + (priority.patience_s if patience_s is None else patience_s)
        first = True
        while wait_s := self._take(endpoint, weight, priority, first=first):
            time.sleep(self._nap(endpoint, wait_s, until))
            first = False

    async def wait(self, endpoint: str, weight: int, priority: Priority, patience_s: float | None = None) -> None:
        """`acquire` without holding up the event loop."""
        until = time.monotonic() + (priority.patience_s if patience_s is None else patience_s)
        first = True
        while wait_s := await asyncio.to_thread(self._take, endpoint, weight, priority, first=first):
            await asyncio.sleep(self._nap(endpoint, wait_s, until))
            first = False

    def pause(self, retry_after_s: float | None, status: int) -> None:
        """The venue has refused with this HTTP status: nobody asks it for so long."""
        wait_s = max(1.0, PAUSES_S.get(status, PAUSES_S[429]) if retry_after_s is None else retry_after_s)
        log.warning("venue wants a pause of all", host=self.host, status=status, seconds=wait_s)
        with self._lock:
            if self._paused_until < time.monotonic() + wait_s:
                self._paused_until, self._paused_for = time.monotonic() + wait_s, status
        try:
            self._pause(self._names, round(wait_s * 1000), status)
        except BusError as error:
            self._lost(error)

    def paused(self) -> Pause | None:
        """The pause that is in force, if any; raises BusError."""
        until, status = self._client.hmget(self._names[0], ["pause", "status"])
        seconds, microseconds = self._client.time()
        left_s = int(until or 0) / 1000 - seconds - microseconds / 1_000_000
        return Pause(left_s, int(status or 0)) if left_s > 0 else None

    def _nap(self, endpoint: str, wait_s: float, until: float) -> float:
        if time.monotonic() + wait_s > until:
            raise RateLimited(f"no turn at {self.host} for {endpoint} for {wait_s:.1f} s", wait_s)
        return max(SHORTEST_S, min(wait_s, LONGEST_NAP_S))

    def _take(self, endpoint: str, weight: int, priority: Priority, *, first: bool) -> float:
        """0 if it is our turn, else seconds until it may be."""
        with self._lock:
            if time.monotonic() < self._ask_again:
                return self._take_own(endpoint, weight, priority)
            try:
                return self._take_shared(endpoint, weight, priority, first=first)
            except BusError as error:
                self._lost(error)
                return self._take_own(endpoint, weight, priority)

    def _take_shared(self, endpoint: str, weight: int, priority: Priority, *, first: bool) -> float:
        away = self._away_since is not None
        now_s = time.monotonic()
        endpoints = [endpoint, *self._own]
        wait_ms, epoch, left_ms, status = self._permit(
            [*self._names, *(self._keys.spent(self.host, one) for one in endpoints)],
            *(weight, self._budget.ceiling(priority), self._budget.ceiling(priority, careful=True)),
            *(priority.resume_ms, self._epoch, max(0, round((self._paused_until - now_s) * 1000)), self._paused_for),
            *(int(away), int(first), self._budget.window_ms),
            *(window.spent(round(now_s * 1000)) for window in self._own.values()),
        )
        self._epoch = epoch.decode()
        self._paused_until, self._paused_for = (now_s + left_ms / 1000, status) if left_ms else (0.0, 0)
        if away:
            self._away_since, self._own = None, {}
            log.info("requests to the venue are shared again", host=self.host)
        return float(wait_ms) / 1000

    def _take_own(self, endpoint: str, weight: int, priority: Priority) -> float:
        now_s = time.monotonic()
        resumes = self._paused_until + priority.resume_ms / 1000
        if self._paused_until and now_s < resumes:
            return resumes - now_s
        since = now_s if self._away_since is None else self._away_since
        careful = now_s - since < self._budget.window_ms / 1000  # what the others had spent still counts at the venue
        ceiling = self._own_budget.ceiling(priority, careful=careful)
        own = self._own.setdefault(endpoint, Window(self._budget.window_ms))
        return own.take(weight, ceiling, round(now_s * 1000)) / 1000

    def _lost(self, error: BusError) -> None:
        now_s = time.monotonic()
        self._ask_again = now_s + AWAY_S
        if self._away_since is None:
            self._away_since = now_s
            log.error("requests to the venue are not shared", host=self.host, reason=str(error))
