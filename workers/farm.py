"""The whole farm on one machine: its lock, its Redis, its schema, its services, until it is told to stop."""

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import structlog

from app import wiring
from app.roll import Enrolled
from app.store import DatabaseError, migrate
from workers import embedded_redis
from workers.services import farm_services, redis_service, venue_service
from workers.supervisor import CannotStart, Kept, Logs, Supervisor
from workers.zygotes import Zygotes

log = structlog.get_logger()

PATIENCE_S = 60.0
ROLL_S = 1.0


class AlreadyRunning(CannotStart):
    """Another farm uses the folder."""


Tell = Callable[[str], None]


class Farm:
    """Starts everything that the settings ask for, some of it from `zygotes`; `services` shows it."""

    def __init__(self, *, flower: bool = True, zygotes: Zygotes | None = None) -> None:
        self.settings = wiring.settings()
        self._zygotes = zygotes or Zygotes()
        self.started_at = time.monotonic()
        self._flower = flower
        self._stages: list[Supervisor] = []
        self._stop = asyncio.Event()

    @property
    def kept(self) -> list[Kept]:
        """Every service, in the order of its start."""
        return [kept for stage in self._stages for kept in stage.kept]

    def ask_to_stop(self) -> None:
        """From a signal, or when the time is over."""
        self._stop.set()

    async def run(self, tell: Tell, once_up: Callable[["Farm"], Awaitable[None]]) -> None:
        """Start, run `once_up` until it ends or a stop is asked for, stop. CannotStart says what did not come up.

        WrongParameter, before anything starts, names a strategy's or a rule's that each signal would stumble over;
        SettingsError a console that would let others in, or nowhere to tell people.
        """
        wiring.strategies()
        wiring.rules()
        wiring.console()
        wiring.channels()
        wiring.logging("farm")  # to stderr: on stdout is what was asked for, perhaps as JSON
        with held(self.settings.data_dir), _signals(self.ask_to_stop):
            calling = asyncio.create_task(self._call_the_roll())
            try:
                if await self._until_stop(self._start(tell)):
                    await self._until_stop(once_up(self))
            finally:
                tell("stopping")
                for stage in reversed(self._stages):
                    await stage.stop()
                calling.cancel()

    async def _call_the_roll(self) -> None:
        """Tell the console how the services stand; it has nothing to show of them when that cannot be written."""
        while True:
            services = [Enrolled(one.service.name, one.state, one.pid, one.restarts) for one in self.kept]
            with contextlib.suppress(OSError):
                wiring.roll().write(services, wiring.now().timestamp())
            await asyncio.sleep(ROLL_S)

    async def _start(self, tell: Tell) -> None:
        settings = self.settings
        if settings.embedded_redis:
            tell("starting Redis")
            embedded_redis.prepare(settings)
            await self._keep(Supervisor([redis_service(settings)], self._logs))
        await asyncio.to_thread(wiring.presence().begin)
        wiring.heartbeats().begin()
        tell("preparing the database")
        await asyncio.to_thread(_prepare_database)
        if settings.needs_venue:
            tell("starting the simulated MEXC")
            await self._keep(Supervisor([venue_service(settings)], self._logs, self._zygotes))
            await asyncio.to_thread(keep_venues_pace)
        tell("starting workers, feed, beat" + (" and Flower" if self._flower else ""))
        await self._keep(Supervisor(farm_services(settings, flower=self._flower), self._logs, self._zygotes))
        self._zygotes.dismiss()

    @property
    def _logs(self) -> Logs:
        chosen = self.settings
        return Logs(chosen.data_dir / "logs", 1_000_000 * chosen.log_megabytes, chosen.log_files)

    async def _keep(self, stage: Supervisor) -> None:
        self._stages.append(stage)
        await stage.start(PATIENCE_S)

    async def _until_stop(self, work: Awaitable[None]) -> bool:
        """Whether the work came to its own end; its error is the caller's."""
        task = asyncio.ensure_future(work)
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            task.result()
            return True
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return False


def _prepare_database() -> None:
    try:
        migrate(wiring.database())
        wrong = wiring.another_purpose()
        if wrong is None:
            wiring.books().forget()  # before any worker can approve an entry
            return
    except DatabaseError as error:
        raise CannotStart(str(error)) from error
    raise CannotStart(wrong)


def keep_venues_pace() -> None:
    """In a replay the farm's clock is the venue's."""
    if wiring.settings().clock == "replay":
        wiring.stored_pace().write(wiring.venue_control().pace())


@contextmanager
def held(data_dir: Path) -> Iterator[None]:
    """The folder, for one farm alone; the lock goes with the process, however it ends."""
    with _lock_file(data_dir) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            cure = (
                "Stop it, or give this one a folder and ports of its own: "
                "CDB_DATA_DIR, CDB_VENUE_PORT, CDB_FLOWER_PORT, CDB_CONSOLE_PORT, CDB_PORT_*"
            )
            raise AlreadyRunning(f"A farm (process {lock.read().strip()}) runs in {data_dir}. {cure}") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _lock_file(data_dir: Path) -> IO[str]:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        return (data_dir / "farm.lock").open("a+")
    except OSError as error:
        cure = "Make it writable for this user, or set CDB_DATA_DIR to another folder"
        raise CannotStart(f"The folder {data_dir} cannot be used: {error.strerror}. {cure}") from error


def is_held(data_dir: Path) -> bool:
    """Whether a farm runs in the folder."""
    path = data_dir / "farm.lock"
    if not path.exists():
        return False
    with path.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for name in names:
        loop.add_signal_handler(name, stop)
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(name)
