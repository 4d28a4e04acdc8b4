"""Keeps processes running: starts them in order, restarts what dies with back-off, stops all in reverse order."""

import asyncio
import contextlib
import logging.handlers
import math
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import structlog

from workers.zygotes import Zygotes, die_with_parent

log = structlog.get_logger()

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_S = 60.0  # whoever ran this long begins again with the shortest pause
PATIENCE = 3  # deaths before it was ever ready
PROBE_S = 0.1
LOOK_S = 0.5
STOP_S = 25.0
LAST_WORDS_S = 1.0
NO_PROGRAM = 127  # what a shell says
HOPELESS = (2, NO_PROGRAM)  # 2 is wrong usage or settings: telling it again does not help
LINE_BYTES = 1 << 20


class Process(Protocol):
    """What runs; asyncio's, or a zygote that has grown up."""

    pid: int

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        ...

    def terminate(self) -> None:
        """Ask it to end."""
        ...


class CannotStart(Exception):
    """A service did not come up; the message says why and what to do."""


Probe = Callable[[int], Awaitable[bool]]


Objection = Callable[[int], Awaitable[str | None]]


async def at_once(pid: int) -> bool:
    """Ready as soon as it runs."""
    return True


async def contented(pid: int) -> None:
    """As long as it runs it is well."""


@dataclass(frozen=True, slots=True)
class Logs:
    """A folder with a file for each service: at `most_bytes` a new one is begun, and `old` are kept beside it."""

    folder: Path
    most_bytes: int = 10_000_000
    old: int = 3


@dataclass(frozen=True, slots=True)
class Service:
    """A command to keep running; `ready` is asked with its process id until it says yes. Services of one `wave`
    start together, after those of the waves before are ready; they are stopped in the reverse order.

    `watch` is called for each of its processes; what it returns is asked again and again why that one is stuck.
    One that is not `needed` is kept running as the others are, but nobody waits for it and no start fails with it.
    """

    name: str
    command: tuple[str, ...]
    wave: int = 0
    ready: Probe = at_once
    watch: Callable[[], Objection] = lambda: contented
    env: dict[str, str] = field(default_factory=dict)
    needed: bool = True


class Kept:
    """One service and its process."""

    def __init__(self, service: Service, logs: Logs, zygotes: Zygotes) -> None:
        self.service = service
        self._logs = logs
        self._zygotes = zygotes
        self.restarts = 0
        self.is_ready = False
        self.log_path = logs.folder / f"{service.name}.log"
        self._process: Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._early_deaths = 0
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    @property
    def state(self) -> str:
        """In a word."""
        if self.pid is None:
            return "down"
        return "ready" if self.is_ready else "starting"

    def start(self) -> None:
        """Begin to keep it."""
        self._keeper = asyncio.create_task(self._keep(), name=self.service.name)

    async def wait_ready(self, patience_s: float) -> None:
        """Until its probe has said yes; CannotStart if it keeps dying or takes too long."""
        deadline = time.monotonic() + patience_s
        while not self.is_ready:
            if self._early_deaths >= PATIENCE:
                times = self.restarts + 1
                raise CannotStart(self._told(f"ended {f'{times} times ' if times > 1 else ''}while it started"))
            if time.monotonic() > deadline:
                raise CannotStart(self._told(f"was not ready after {patience_s:g} s"))
            await asyncio.sleep(PROBE_S)

    async def stop(self) -> None:
        """TERM, and after a while KILL for it and all its children; returns when it is gone."""
        self._stopping.set()
        if self._keeper is not None:
            await asyncio.wait({self._keeper})

    async def _keep(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            code = await self._run()
            if self._stopping.is_set():
                return
            if not self.is_ready:
                self._early_deaths += PATIENCE if code in HOPELESS else 1
            was_ready, self.is_ready = self.is_ready, False
            if time.monotonic() - began > STEADY_S:
                pause = FIRST_PAUSE_S
            log.warning("service ended", service=self.service.name, code=code, again_in_s=pause, ready=was_ready)
            if await self._stops_within(pause):
                return
            self.restarts += 1
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _run(self) -> int:
        async with _pipe() as (output, end):
            try:
                process = await self._spawn(end)
            except OSError as error:
                self._note(f"{self.service.command[0]} cannot be run: {error.strerror}\n")
                return NO_PROGRAM
            finally:
                os.close(end)  # it is the process's
            return await self._see_through(process, output)

    async def _see_through(self, process: Process, output: asyncio.StreamReader) -> int:
        self._process = process
        attending = asyncio.create_task(self._attend(process.pid))
        copying = asyncio.create_task(self._copy(output))
        try:
            while process.returncode is None and not await self._stops_within(PROBE_S):
                pass
            return await self._ended(process)
        finally:
            attending.cancel()
            _kill_group(process.pid)  # what outlives it would do its work beside the next one
            await asyncio.wait({copying}, timeout=LAST_WORDS_S)
            copying.cancel()
            await asyncio.wait({attending, copying})

    async def _stops_within(self, seconds: float) -> bool:
        """Whether it is told to stop before so much time has passed."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:  # it goes on
            return False
        return True

    async def _ended(self, process: Process) -> int:
        """Its exit code; while it still runs it is asked to end, and after a while made to."""
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        kill_at = time.monotonic() + STOP_S
        while process.returncode is None:  # its end, not that of its output, which its children may hold open
            if time.monotonic() > kill_at:
                log.warning("service does not stop, killing it", service=self.service.name, pid=process.pid)
                _kill_group(process.pid)
                kill_at = math.inf
            await asyncio.sleep(PROBE_S / 5)
        return process.returncode

    async def _spawn(self, output: int) -> Process:
        env = {**os.environ, **self.service.env}
        grown = self._zygotes.become(self.service.command, env, output)
        return grown or await asyncio.create_subprocess_exec(
            *self.service.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            env=env,
            start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )

    async def _attend(self, pid: int) -> None:
        """See it get ready, and kill it when it is stuck."""
        while not await self.service.ready(pid):
            await asyncio.sleep(PROBE_S)
        self.is_ready = self.pid == pid
        objection = self.service.watch()
        while (reason := await objection(pid)) is None:
            await asyncio.sleep(LOOK_S)
        log.error("service makes no progress, killing it", service=self.service.name, pid=pid, reason=reason)
        _kill_group(pid)

    async def _copy(self, output: asyncio.StreamReader) -> None:
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        most, old = self._logs.most_bytes, self._logs.old
        out = logging.handlers.RotatingFileHandler(self.log_path, maxBytes=most, backupCount=old, delay=True)
        out.terminator = ""
        try:
            while chunk := await output.read(LINE_BYTES):
                out.handle(logging.makeLogRecord({"msg": chunk.decode(errors="replace")}))
        finally:
            out.close()

    def _note(self, text: str) -> None:
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("a") as out:
            out.write(text)

    def _told(self, what: str) -> str:
        lines = self.log_path.read_text(errors="replace").splitlines() if self.log_path.exists() else []
        last = "\n".join(f"  | {line[:300]}" for line in lines[-8:])
        return f"The service {self.service.name} {what}. Its last lines ({self.log_path}):\n{last}"


class Supervisor:
    """All services of a farm."""

    def __init__(self, services: Sequence[Service], logs: Logs, zygotes: Zygotes | None = None) -> None:
        self.kept = [Kept(service, logs, zygotes or Zygotes()) for service in services]

    async def start(self, patience_s: float) -> None:
        """Wave after wave; CannotStart names the service that did not come up."""
        for wave in sorted({kept.service.wave for kept in self.kept}):
            together = [kept for kept in self.kept if kept.service.wave == wave]
            for kept in together:
                kept.start()
            await asyncio.gather(*(kept.wait_ready(patience_s) for kept in together if kept.service.needed))

    async def stop(self) -> None:
        """The last wave first."""
        for wave in sorted({kept.service.wave for kept in self.kept}, reverse=True):
            await asyncio.gather(*(kept.stop() for kept in self.kept if kept.service.wave == wave))


@contextlib.asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[asyncio.StreamReader, int]]:
    """What reads it and the end to write to; in the end it is read no more, whoever still holds that end."""
    reading, end = os.pipe()
    output = asyncio.StreamReader(LINE_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(output), os.fdopen(reading, "rb")
    )
    try:
        yield output, end
    finally:
        transport.close()


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # nobody is left
        os.killpg(leader, signal.SIGKILL)
