"""What the farm counts, and where Prometheus asks for it."""

import socket
from collections.abc import Iterable
from typing import Any

from redis import RedisError

from app import metrics
from app.wiring._clock import now
from app.wiring._database import database
from app.wiring._redis import counters, feed_status, redis, stored_figures, topics
from app.wiring._settings import settings

POSTGRESQL = 5432
REACHED_S = 2.0


def metric_files(service: str) -> metrics.Files:
    """Where a service counts, emptied: for its parent, at its start."""
    return metrics.Files(settings().data_dir / "metrics", service)


def metrics_endpoint(service: str, *collectors: metrics.Collector, health: metrics.Health) -> metrics.Endpoint:
    """Where Prometheus asks the feed, or the worker on a queue; one without a port of its own is asked nowhere."""
    port = getattr(settings(), f"port_{service}", 0)
    cure = f"if this is another farm, give it ports of its own: CDB_PORT_{service.upper()}; 0 is none"

    def tell(told: dict[str, Any]) -> None:
        topics()("system_health", service, told, now())

    return metrics.Endpoint(settings().metrics_host, port, *collectors, health=health, tell=tell, cure=cure)


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
    try:
        socket.create_connection((url.host or "127.0.0.1", url.port or POSTGRESQL), REACHED_S).close()
    except OSError as error:
        return f"{url.host}:{url.port or POSTGRESQL} does not answer: {error}"
    return None


def needs_redis() -> str | None:
    """Why Redis is of no use, or nothing."""
    try:
        redis().ping()
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
    if "equity" not in found[0]:
        return "the account is not open yet"
    if "reconciliation_age_seconds" not in found[0]:
        return "the books were not compared with the venue's since the start"
    return None


def needs_feed() -> str | None:
    """Why the market is not heard, or nothing."""
    try:
        status = feed_status().read()
    except RedisError as error:
        return f"Redis does not answer: {error}"
    if status is None:
        return "no feed has spoken for 10 s"
    return None if status["ready"] else "not all symbols are heard yet"


def totals() -> metrics.Totals:
    """What the farm counts in Redis."""

    def read() -> dict[str, int]:
        try:
            return counters().all()
        except RedisError:  # it is away
            return {}

    return metrics.Totals(read)


def task_counts() -> metrics.TaskCounts:
    """What the workers of this machine have counted of their tasks."""
    return metrics.TaskCounts(settings().data_dir / "metrics")
