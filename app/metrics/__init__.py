"""What the farm counts of itself, and how Prometheus reads it; every metric's name is in this package."""

from prometheus_client.registry import Collector

from app.metrics.counted import TaskCounts
from app.metrics.endpoint import Endpoint
from app.metrics.families import FAMILIES, Figures, Told
from app.metrics.files import Files, Taken
from app.metrics.health import Health, Objection, Pulse
from app.metrics.tasks import TaskMetrics
from app.metrics.totals import Totals

__all__ = [
    "FAMILIES",
    "Collector",
    "Endpoint",
    "Figures",
    "Files",
    "Health",
    "Objection",
    "Pulse",
    "Taken",
    "TaskCounts",
    "TaskMetrics",
    "Told",
    "Totals",
]
