"""What the farm counts of itself, and how Prometheus reads it; every metric's name is in this package."""

from prometheus_client.registry import Collector

from app.metrics.counted import TaskCounts
from app.metrics.endpoint import Endpoint
from app.metrics.files import Files, Taken
from app.metrics.tasks import TaskMetrics
from app.metrics.totals import Totals

__all__ = ["Collector", "Endpoint", "Files", "Taken", "TaskCounts", "TaskMetrics", "Totals"]
