"""What a task's result costs that is kept, beside the same task whose result is ignored."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any
from uuid import uuid4

from tests.bench import servers
from tests.bench.farms import apart
from tests.bench.figures import Figure

TASKS, ROUNDS = 4_000, 5
KEY = "K" * 32  # as long as a client order id
Costs = tuple[float, float, float]


def run() -> list[Figure]:
    """On each database; in processes of their own, since a process's Celery knows one farm."""
    return [figure for kind in servers.kinds() for figure in _told(kind, apart(_rounds, kind))]


def _told(kind: str, rounds: list[Costs]) -> list[Figure]:
    kept, ignored, later = (median(costs) for costs in zip(*rounds, strict=True))
    name = servers.KINDS[kind]
    return [
        Figure(f"CPU of a task whose result is kept in {name}, beside an ignored one", kept, ignored, "µs"),
        Figure("  what is kept costs on the way", kept - ignored, None, "µs"),
        Figure("  and later, when upkeep writes it", later, None, "µs"),
    ]


def _rounds(kind: str) -> list[Costs]:
    from app.celery import farm

    with servers.standing(kind) as beside:
        backend: Any = farm.backend
        backend.session_manager.forked = True  # as in a worker's process, which keeps its connections
        kept, ignored = _task("kept", False), _task("ignored", True)
        _cost(kept, beside), _cost(ignored, beside)
        _write_later(beside)
        return [(_cost(kept, beside), _cost(ignored, beside), _write_later(beside)) for _ in range(ROUNDS)]


def _task(name: str, ignored: bool) -> Callable[[], object]:
    """One execution of a link of a chain as a worker's process does it, without the broker."""
    from celery.app.trace import build_tracer

    from app.celery import farm
    from tasks._base import Step

    @farm.task(base=Step, name=f"tasks.risk.bench_{name}", ignore_result=ignored)
    def task(key: str) -> str:
        return key

    execute = build_tracer(task.name, task, app=farm, hostname="risk@bench")
    about: dict[str, Any] = {
        "task": task.name,
        "hostname": "risk@bench",
        "delivery_info": {"routing_key": "risk"},
        "retries": 0,
        "is_eager": False,
        "headers": {"cdb_correlation_id": KEY},
    }

    def once() -> object:
        name = str(uuid4())
        return execute(name, [KEY], {}, {**about, "id": name, "root_id": name, "args": [KEY], "kwargs": {}})

    return once


def _cost(once: Callable[[], object], beside: servers.Servers) -> float:
    """Microseconds of CPU of one, of this process and of the servers."""
    used = time.process_time() + beside.used_s()
    for _ in range(TASKS):
        once()
    return (time.process_time() + beside.used_s() - used) / TASKS * 1e6


def _write_later(beside: servers.Servers) -> float:
    """The same of one that upkeep brings to the database."""
    from tasks._results import results

    used = time.process_time() + beside.used_s()
    assert results().write_waiting() == TASKS, "results were lost, or were written at once"
    return (time.process_time() + beside.used_s() - used) / TASKS * 1e6
