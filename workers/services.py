"""The table of services: what runs in a farm, by which command, and how one knows that it is ready."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http.client import HTTPException
from typing import Any
from urllib.request import urlopen

import msgspec
import redis

from app import bus, wiring
from app.wiring import Settings
from workers import embedded_redis
from workers.supervisor import Objection, Probe, Service
from workers.zygotes import PYTHON, Zygotes

PROBE_TIMEOUT_S = 2
BY_MOST = (
    "celery.bin.celery",
    "celery.apps.worker",
    "kombu.transport.redis",
    "app.metrics",
    "app.steps.sweep",
)
# Celery warns whoever runs as root; in a container, and on a newcomer's machine, that is how it is.
QUIET = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges", "PYTHONUNBUFFERED": "1"}
FLOWER_TASKS = 10_000
FLOWER_COLUMNS = "name,uuid,state,args,result,received,runtime,retries,worker"  # the name of a task names its queue
WITH_EVENTS = ("signals", "risk", "orders")  # what is worth watching in Flower; ticks and upkeep would drown it


def redis_service(settings: Settings) -> Service:
    """The embedded Redis."""
    client = bus.connect(settings.redis_url, timeout_s=PROBE_TIMEOUT_S)
    return Service("redis", embedded_redis.command(settings), ready=embedded_redis.answers(client))


def venue_service(settings: Settings) -> Service:
    """The simulated MEXC."""
    return Service("venue", _cdb("venue"), ready=_answers_as(f"{settings.venue_url}/sim/status"), env=QUIET)


def farm_services(settings: Settings, *, flower: bool = True) -> list[Service]:
    """Workers, beat, feed, Flower, console and notifier; Redis, the schema and the venue are there before them."""
    workers = [
        _worker(queue, getattr(settings, f"workers_{queue}"))
        for queue in ("ticks", "signals", "risk", "orders", "upkeep")
    ]
    schedule = str(settings.data_dir / "celerybeat-schedule")
    beat = Service("beat", _celery("beat", "-s", schedule, "--pidfile="), wave=1, env=QUIET)
    feed = Service("feed", _cdb("feed"), wave=1, ready=_feed_is_ready, env=QUIET)
    found = [*workers, beat, feed]
    if flower and wiring.flower().port:
        found.append(_flower())
    if settings.console_port:
        found.append(_console())
    if settings.notify_addresses:
        found.append(Service("notifier", _cdb("notifier"), wave=1, env=QUIET, needed=False))
    return found


def zygotes_of(settings: Settings) -> Zygotes:
    """A copy of this process for each service; see `Zygotes.of_this_process`."""
    count = len(farm_services(settings)) + int(settings.needs_venue)
    return Zygotes.of_this_process(count, BY_MOST, wiring.reset)


def _worker(queue: str, processes: int) -> Service:
    """One Celery worker for one queue; `celery -A app worker -Q signals -c 4` adds another beside it."""
    options = ("-Q", queue, "-c", str(processes), "-n", f"{queue}@%h", "--without-mingle", "--without-gossip")
    events = ("-E",) if queue in WITH_EVENTS else ()
    command = _celery("worker", *options, *events)
    return Service(queue, command, ready=_worker_is_ready, watch=_watched_worker, env=QUIET)


def _flower() -> Service:
    """It only listens to what workers say of themselves, and keeps no more than a few pages of it."""
    where = wiring.flower()
    options = (
        f"--address={where.host}",
        f"--port={where.port}",
        "--enable_events=False",
        "--purge_offline_workers=60",
        f"--max_tasks={FLOWER_TASKS}",
        f"--tasks_columns={FLOWER_COLUMNS}",
        f"--read_only={not where.password}",
    )
    # The environment is read by its owner alone, a command line by everybody.
    lets_in = {"FLOWER_BASIC_AUTH": f"cdb:{where.password}"} if where.password else {}
    return Service(
        "flower",
        _celery("flower", *options),
        wave=1,
        ready=_opens(f"{where.url}/healthcheck"),
        env={**QUIET, **lets_in},
        needed=False,
    )


def _console() -> Service:
    url = f"{wiring.console().url}/health"
    return Service("console", _cdb("console"), wave=1, ready=_answers_as(url), env=QUIET, needed=False)


def _celery(*arguments: str) -> tuple[str, ...]:
    return (*PYTHON, "celery", "-A", "app", *arguments)


def _cdb(*arguments: str) -> tuple[str, ...]:
    return (*PYTHON, "app.cli", *arguments)


# Redis is asked aside: one that hangs must not hold up the supervisor.


async def _worker_is_ready(pid: int) -> bool:
    try:
        return await asyncio.to_thread(wiring.presence().is_here, pid)
    except redis.RedisError:  # the embedded one is being restarted
        return False


def _watched_worker() -> Objection:
    watch = wiring.new_watch()

    async def objection(pid: int) -> str | None:
        beat = wiring.heartbeats().read(pid)
        waiting = await asyncio.to_thread(wiring.queues().waiting, beat.queues) if beat else None
        return watch.look(beat, waiting, time.monotonic())

    return objection


async def _feed_is_ready(pid: int) -> bool:
    try:
        status = await asyncio.to_thread(wiring.feed_status().read)
    except redis.RedisError:  # as above
        return False
    return status is not None and bool(status["ready"])


def _answers_as(url: str) -> Probe:
    """Ready when what answers there is the process that was started."""

    async def ready(pid: int) -> bool:
        answer = await _answer(url)
        try:
            return answer is not None and msgspec.json.decode(answer, type=dict[str, Any])["pid"] == pid
        except (msgspec.DecodeError, KeyError):  # somebody else has the port; the service's own words will tell
            return False

    return ready


def _opens(url: str) -> Callable[[int], Awaitable[bool]]:
    async def ready(pid: int) -> bool:
        return await _answer(url) is not None

    return ready


async def _answer(url: str) -> bytes | None:
    def ask() -> bytes | None:
        try:
            with urlopen(url, timeout=PROBE_TIMEOUT_S) as answer:
                body: Any = answer.read()
                return bytes(body)
        except (OSError, HTTPException):  # not yet, or somebody else
            return None

    return await asyncio.to_thread(ask)
