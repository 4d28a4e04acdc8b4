"""What is counted of tasks, in each process that runs them."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class TaskMetrics:
    """Made after `Files.count_here`, or it counts in memory."""

    def __init__(self) -> None:
        self._ended = Counter("tasks", "Tries of tasks that ended, by outcome", ("task", "outcome"), registry=None)
        self._took = Histogram(
            "task_duration_seconds", "How long a try took", ("task",), buckets=SECONDS, registry=None
        )
        self._flow = Histogram(
            "tick_latency_seconds",
            "From a tick's reception until its bar was looked at, a signal found, the order approved, at the venue",
            ("stage",),
            buckets=SECONDS,
            registry=None,
        )
        self._running = Gauge("tasks_running", "Tries under way", ("task",), registry=None, multiprocess_mode="livesum")

    def begun(self, task: str) -> None:
        """A try begins in this process."""
        self._running.labels(task).inc()

    def ended(self, task: str, outcome: str, seconds: float) -> None:
        """And ends there."""
        self._running.labels(task).dec()
        self._took.labels(task).observe(seconds)
        self._ended.labels(task, outcome).inc()

    def reached(self, stage: str, seconds: float) -> None:
        """So long after its reception a tick's way has come so far."""
        self._flow.labels(stage).observe(max(0.0, seconds))

    def never_ended(self, task: str, outcome: str) -> None:
        """A try whose process is gone, or that no process began."""
        self._ended.labels(task, outcome).inc()
