"""What the farm counts, and where Prometheus asks for it."""

from redis import RedisError

from app import metrics
from app.wiring._redis import counters
from app.wiring._settings import settings


def metric_files(service: str) -> metrics.Files:
    """Where a service counts, emptied: for its parent, at its start."""
    return metrics.Files(settings().data_dir / "metrics", service)


def metrics_endpoint(service: str, *collectors: metrics.Collector) -> metrics.Endpoint:
    """Where Prometheus asks the feed, or the worker on a queue; one without a port of its own is asked nowhere."""
    port = getattr(settings(), f"port_{service}", 0)
    cure = f"if this is another farm, give it ports of its own: CDB_PORT_{service.upper()}; 0 is none"
    return metrics.Endpoint(settings().metrics_host, port, *collectors, cure=cure)


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
