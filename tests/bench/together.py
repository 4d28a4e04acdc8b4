"""Several processes that do the same kind of work at once, and what that took."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from app import wiring
from tests.bench.servers import Servers

PATIENCE_S = 120.0
PRELOADED = ("tests.bench.approvals", "tasks.risk", "tasks.orders", "ccxt", "psycopg")  # imported once, not by each
Work = Callable[[Any], Callable[[], int]]


@dataclass(frozen=True, slots=True)
class Took:
    """How many units were done, in what time, for how much CPU of the processes and of the servers."""

    done: int
    wall_s: float
    cpu_s: float
    servers_s: float

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.done / self.wall_s

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU of a unit, the servers' with it."""
        return (self.cpu_s + self.servers_s) / self.done * 1e6


def together(work: Work, shares: Sequence[Any], servers: Servers) -> Took:
    """Each process makes ready with its share, waits for the others, and then does its part: the number of units."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    ready, told = context.Barrier(len(shares) + 1), context.Queue()
    processes = [context.Process(target=_part, args=(work, share, ready, told)) for share in shares]
    for process in processes:
        process.start()
    try:
        ready.wait(PATIENCE_S)
        used, began = servers.used_s(), time.monotonic()
        parts = [told.get(timeout=PATIENCE_S) for _ in processes]
        wall_s, servers_s = time.monotonic() - began, servers.used_s() - used
    finally:
        for process in processes:
            process.join(5)
            process.kill()
    return Took(sum(done for done, _ in parts), wall_s, sum(cpu for _, cpu in parts), servers_s)


def _part(work: Work, share: Any, ready: Any, told: Any) -> None:
    wiring.logging("bench")
    try:
        run = work(share)
        ready.wait(PATIENCE_S)
    except BaseException:
        ready.abort()
        raise
    used = time.process_time()
    done = run()
    told.put((done, time.process_time() - used))
