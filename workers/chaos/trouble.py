"""Does what the script says: signals to processes, a flushed Redis, faults at the simulated venue."""

import asyncio
import signal
from collections.abc import Sequence
from random import Random

import psutil
import structlog
from redis import RedisError

from app import wiring
from app.domain.errors import Unavailable
from workers.chaos.measures import Kill, milliseconds
from workers.chaos.script import Trouble
from workers.farm import Farm
from workers.supervisor import Kept

log = structlog.get_logger()


class Troublemaker:
    """Troubles one farm and what is kept `beside` it.

    `kills` are those that hit a process, `missed` the troubles that found nothing to hit.
    """

    def __init__(self, farm: Farm, seed: int, beside: Sequence[Kept] = ()) -> None:
        self.kills: list[Kill] = []
        self.missed = 0
        self._farm = farm
        self._beside = beside
        self._chance = Random(f"children {seed}")
        self._stopped: dict[int, psutil.Process] = {}
        self._waking: set[asyncio.Task[None]] = set()

    async def make(self, trouble: Trouble) -> None:
        """One trouble; a pause goes on beside what comes next."""
        try:
            if trouble.kind == "flush":
                await asyncio.to_thread(wiring.redis().flushall)
            elif trouble.kind == "fault":
                await asyncio.to_thread(wiring.venue_control().fail, trouble.fault)
            elif trouble.kind == "kill":
                self._kill(trouble)
            else:
                self._pause(trouble)
        except (psutil.NoSuchProcess, RedisError, Unavailable) as error:  # struck already by another trouble
            self.missed += 1
            log.info("trouble found nothing to hit", trouble=str(trouble), reason=str(error))

    async def end(self) -> None:
        """Wake what is paused, and heal the venue."""
        for task in self._waking:
            task.cancel()
        await asyncio.gather(*self._waking, return_exceptions=True)
        for process in list(self._stopped.values()):
            self._wake(process)
        await asyncio.to_thread(wiring.venue_control().heal)

    def _kill(self, trouble: Trouble) -> None:
        self._victim(trouble).send_signal(signal.SIGKILL)
        self.kills.append(Kill(trouble.target, milliseconds(wiring.now())))

    def _pause(self, trouble: Trouble) -> None:
        process = self._victim(trouble)
        process.send_signal(signal.SIGSTOP)
        self._stopped[process.pid] = process
        waking = asyncio.create_task(self._wake_after(process, trouble.for_s))
        self._waking.add(waking)
        waking.add_done_callback(self._waking.discard)

    async def _wake_after(self, process: psutil.Process, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._wake(process)

    def _wake(self, process: psutil.Process) -> None:
        self._stopped.pop(process.pid, None)
        try:
            process.send_signal(signal.SIGCONT)
        except psutil.NoSuchProcess:  # killed while it was paused
            log.info("paused process is gone", pid=process.pid)

    def _victim(self, trouble: Trouble) -> psutil.Process:
        kept = next(one for one in (*self._beside, *self._farm.kept) if one.service.name == trouble.target)
        if kept.pid is None:
            raise psutil.NoSuchProcess(0, trouble.target, "it is down just now")
        process = psutil.Process(kept.pid)
        if trouble.scope == "parent":
            return process
        children = process.children()
        if not children:
            raise psutil.NoSuchProcess(kept.pid, trouble.target, "it has no children just now")
        return self._chance.choice(children)
