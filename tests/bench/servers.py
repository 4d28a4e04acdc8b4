"""A farm's servers without its workers: Redis and a database that a benchmark's own processes work on."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from app import wiring
from app.store import migrate
from tests.bench import farms
from tests.fixtures.databases import running
from tests.fixtures.redis_server import start_redis, stop_redis
from workers.own_postgresql import PostgreSQL, programs

KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class Servers:
    """Those that run; SQLite has none, it works in the processes that use it."""

    redis: psutil.Process
    postgresql: psutil.Process | None

    def used_s(self) -> float:
        """Seconds of CPU that they used so far; hundredths are as fine as it is told."""
        return farms.used_s(self.redis) + (0.0 if self.postgresql is None else with_sessions_s(self.postgresql))


def with_sessions_s(server: psutil.Process) -> float:
    """Of PostgreSQL with its sessions, those that have ended too."""
    ended = server.cpu_times()
    live = sum(map(farms.used_s, server.children(recursive=True)))
    return farms.used_s(server) + float(ended.children_user + ended.children_system) + live


def kinds() -> list[str]:
    """The databases that are installed here."""
    return list(KINDS) if programs() else ["sqlite"]


@contextmanager
def standing(kind: str, **settings: str) -> Iterator[Servers]:
    """They are up, the database has its tables, and `wiring` leads to them, here and in processes started here.

    PostgreSQL waits for the disk with each commit, as in production.
    """
    with ExitStack() as ending:
        folder = Path(tempfile.mkdtemp(prefix="cdb-", dir="/tmp"))  # short, for the paths of sockets
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        redis, url = start_redis(folder)
        ending.callback(stop_redis, redis)
        own, postgresql = {"REDIS_URL": url}, None
        if kind == "postgresql":
            server = PostgreSQL(folder, "max_connections=200")
            server.prepare()
            postgresql = psutil.Process(ending.enter_context(running(server, folder)).pid)
            own["DATABASE_URL"] = server.url
        farms.settings_of_its_own(folder, LOG_LEVEL="error", **own, **settings)
        wiring.reset()
        wiring.logging("bench")
        migrate(wiring.database())
        ending.callback(wiring.reset)
        yield Servers(psutil.Process(redis.pid), postgresql)
