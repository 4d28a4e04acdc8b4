"""What a service takes of its machine: its own process and those that it has forked, added up."""

from collections.abc import Iterable
from typing import NamedTuple

import psutil
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

PROCESSES = "service_processes"
MEMORY = "service_memory_bytes"
CPU = "service_cpu_seconds_total"


class Use(NamedTuple):
    """Of how many processes, how many bytes resident, and seconds of CPU, those of children that ended included."""

    processes: int
    memory: int
    cpu_s: float


class Resources(Collector):
    """Those of one service, read when they are asked for."""

    def __init__(self, service: str) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        """Three figures of the process that answers and its descendants."""
        use = _added_up()
        for kind, name, meaning, value in (
            (GaugeMetricFamily, PROCESSES, "Processes of the service", use.processes),
            (GaugeMetricFamily, MEMORY, "Their resident memory; pages that they share count in each", use.memory),
            (CounterMetricFamily, CPU, "CPU that they have used, and those that have ended", use.cpu_s),
        ):
            family = kind(name, meaning, labels=("service",))
            family.add_metric((self._service,), value)
            yield family


def _added_up() -> Use:
    mine = psutil.Process()
    found = [use for one in (mine, *mine.children(recursive=True)) if (use := _of(one)) is not None]
    return Use(*map(sum, zip(*found, strict=True)))


def _of(process: psutil.Process) -> Use | None:
    try:
        with process.oneshot():
            return Use(1, process.memory_info().rss, sum(process.cpu_times()[:4]))
    except psutil.NoSuchProcess:  # it has just ended; what it used is in its parent's figures
        return None
