"""What the farm counts, and where Prometheus asks for it."""

import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import cycle
from struct import pack
from typing import Any

from redis import RedisError

from app import bus, metrics
from app.domain.shards import unheard
from app.wiring._clock import now
from app.wiring._database import database
from app.wiring._redis import feed_heard, healths, keys, quick_redis, stored_figures, topics
from app.wiring._settings import settings

REACHED_S = 2.0
OLD_S = 90.0  # of figures that upkeep reads every five seconds, unless a task of a minute keeps it from that
GSS_REQUEST = pack("!ii", 8, 80877104)  # what PostgreSQL answers by one byte, whoever asks, without a line in its log


def metric_files(service: str) -> metrics.Files:
    """Where a service counts, emptied: for its parent, at its start."""
    return metrics.Files(settings().data_dir / "metrics", service)


def metrics_endpoint(service: str, *collectors: metrics.Collector, health: metrics.Health) -> metrics.Endpoint:
    """Where Prometheus asks the feed, or the worker on a queue; one without a port of its own is asked nowhere."""
    port = getattr(settings(), f"port_{service}", 0)
    cure = f"one more worker, or another farm, needs a port of its own: CDB_PORT_{service.upper()}; 0 is none"

    return metrics.Endpoint(
        settings().metrics_host, port, *collectors, health=health, telling=_Telling(service), cure=cure
    )


class _Telling:
    """Tells whoever listens, and whoever asks later."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._host = socket.gethostname()

    def change(self, told: Mapping[str, Any]) -> None:
        topics()("system_health", self._service, told, now())

    def look(self, told: Mapping[str, Any]) -> None:
        with suppress(RedisError):  # without it nobody could ask
            healths().write(self._service, self._host, told, now())

    def end(self) -> None:
        with suppress(RedisError):  # it falls silent instead
            healths().leave(self._service, self._host)


def farm_figures(services: Iterable[str]) -> metrics.Told:
    """What upkeep read last of the whole farm: the families of these services."""

    def read() -> tuple[metrics.Figures, float | None]:
        try:
            found = stored_figures().read()
        except RedisError:  # it is away
            found = None
        if found is None:
            return {}, None
        figures, at = found
        return figures, (now() - at).total_seconds()

    return metrics.Told(read, services)


def needs_database() -> str | None:
    """Why the database cannot be reached, or nothing; asks nobody to sign in, as a parent of workers must not."""
    url = database().url
    if url.get_backend_name() == "sqlite":  # a file, which whoever opens it makes
        return None
    options = database().engine.dialect.create_connect_args(url)[1]
    hosts = str(options.get("host") or "127.0.0.1").split(",")
    ports = str(options.get("port") or 5432).split(",")
    reasons = [_silence(host, int(port)) for host, port in zip(hosts, cycle(ports), strict=False)]
    return None if None in reasons else reasons[0]


def _silence(host: str, port: int) -> str | None:
    """Why no PostgreSQL answers there, on a socket in the folder `host` if that is a path."""
    try:
        with _connected(host, port) as asking:
            asking.sendall(GSS_REQUEST)
            if asking.recv(1):
                return None
    except OSError as error:
        return f"PostgreSQL at {host}:{port} does not answer: {error}"
    return f"PostgreSQL at {host}:{port} takes no connections"


def _connected(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), REACHED_S)
    local = socket.socket(socket.AF_UNIX)
    local.settimeout(REACHED_S)
    try:
        local.connect(f"{host}/.s.PGSQL.{port}")
    except OSError:
        local.close()
        raise
    return local


def needs_redis() -> str | None:
    """Why Redis is of no use, or nothing."""
    try:
        quick_redis().ping()
    except RedisError as error:
        return f"Redis does not answer: {error}"
    return None


def needs_books() -> str | None:
    """Why no entry would be approved, as far as the books are concerned, or nothing."""
    try:
        found = stored_figures().read()
    except RedisError as error:
        return f"Redis does not answer: {error}"
    if found is None:
        return "upkeep has not read the books yet"
    age_s = (now() - found[1]).total_seconds()
    if age_s > OLD_S:
        return f"upkeep has not read the books for {age_s:.0f} s"
    if "equity" not in found[0]:
        return "the account is not open yet"
    if "reconciliation_age_seconds" not in found[0]:
        return "the books were not compared with the venue's since the start"
    return None


def needs_feed() -> str | None:
    """Why the market is not heard, or nothing."""
    try:
        status = feed_heard().read()
    except RedisError as error:
        return f"Redis does not answer: {error}"
    if status is None:
        return "no feed has spoken for 10 s"
    if status.get("silent"):
        return unheard(status["silent"], status["shards"])
    return None if status["ready"] else "not all symbols are heard yet"


def totals() -> metrics.Totals:
    """What the farm counts in Redis."""

    def read() -> dict[str, int]:
        try:
            return bus.Counters(quick_redis(), keys()).all()
        except RedisError:  # it is away
            return {}

    return metrics.Totals(read)


def task_counts() -> metrics.TaskCounts:
    """What the workers of this machine have counted of their tasks."""
    return metrics.TaskCounts(settings().data_dir / "metrics")
