"""Counts what becomes of tasks: each process that runs them its own, the parent what none of them can tell."""

import time
from collections.abc import Iterable
from threading import Event, Thread
from typing import Any

import structlog
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery.signals import (
    task_failure,
    task_postrun,
    task_prerun,
    task_rejected,
    task_revoked,
    task_unknown,
    worker_init,
    worker_process_init,
    worker_ready,
    worker_shutdown,
)
from celery.states import SUCCESS

from app import wiring
from app.celery import farm
from app.domain.market import microseconds
from app.metrics import Endpoint, Files, Health, Objection, Taken, TaskMetrics
from tasks._base import RECEIVED
from tasks._progress import pulse

log = structlog.get_logger()

SWEEP_S = 10.0
FIRST = "tasks.signals.find"
STAGES = {FIRST: "signal", "tasks.risk.approve": "approval", "tasks.orders.place": "order"}
GONE = (WorkerLostError, TimeLimitExceeded)


class Counting:
    """What this process counts with; nothing in a program that is no worker."""

    files: Files | None = None
    tasks: TaskMetrics | None = None
    endpoint: Endpoint | None = None
    stopped = Event()


@worker_init.connect
def begin(sender: Any, **_: Any) -> None:
    """Empty the files and count in them; a worker that cannot does its work without."""
    try:
        files = wiring.metric_files(sender.hostname)
        files.count_here()
    except Taken as error:
        log.warning("tasks are not counted", reason=str(error), cure="give this worker a name of its own, with -n")
        return
    except OSError as error:
        log.warning("tasks are not counted", reason=str(error), cure="make CDB_DATA_DIR writable, with some space")
        return
    Counting.files, Counting.tasks = files, TaskMetrics()


@worker_process_init.connect
def begin_child(**_: Any) -> None:
    """A child's files are there before its first task."""
    if Counting.files is None:
        return
    try:
        Counting.files.process()
    except OSError as error:
        log.warning("tasks are not counted", reason=str(error), cure="make CDB_DATA_DIR writable, with some space")
        Counting.files = Counting.tasks = None


@worker_ready.connect
def serve(**_: Any) -> None:
    """The parent answers for all its children, and adds up what the dead have left even if nobody asks."""
    counted = () if Counting.files is None else (Counting.files,)
    Counting.stopped = Event()
    for files in counted:
        Thread(target=sweep, args=(files, Counting.stopped), name="sweep metrics", daemon=True).start()
    consumed = farm.amqp.queues.consume_from  # in no order
    queue = next((one.name for one in farm.conf.task_queues if one.name in consumed), "")
    told = wiring.farm_figures(consumed)
    Counting.endpoint = wiring.metrics_endpoint(queue, *counted, told, health=health(queue, consumed))
    Counting.endpoint.begin()


def health(service: str, queues: Iterable[str]) -> Health:
    """What a worker on these queues needs: what is true of the whole farm is the matter of who decides on it."""
    needs: dict[str, Objection] = {"database": wiring.needs_database, "redis": wiring.needs_redis}
    if "risk" in queues:
        needs["books"] = wiring.needs_books
    return Health(service, pulse.objection, needs)


@worker_shutdown.connect
def leave(**_: Any) -> None:
    """The port is free for the next one."""
    Counting.stopped.set()
    if Counting.endpoint is not None:
        Counting.endpoint.end()
        Counting.endpoint = None


def sweep(files: Files, stopped: Event) -> None:
    """Now and then, until it stops; a full disk is told once."""
    told = False
    while not stopped.wait(SWEEP_S):
        try:
            files.sweep()
            told = False
        except OSError as error:
            if not told:
                log.warning("metrics of dead processes are not put together", reason=str(error))
            told = True


@task_prerun.connect
def begun(task: Any, **_: Any) -> None:
    """In the process that runs it."""
    if Counting.tasks is not None:
        task.request.begun_at = time.perf_counter()
        Counting.tasks.begun(task.name)
        if task.name == FIRST:
            reached("bar", task)


@task_postrun.connect
def ended(task: Any, state: str | None = None, retval: Any = None, **_: Any) -> None:
    """There too, whatever came of it; who handed nothing on has not come further."""
    begun_at = getattr(task.request, "begun_at", None)
    if Counting.tasks is None or begun_at is None:
        return
    Counting.tasks.ended(task.name, (state or "unknown").lower(), time.perf_counter() - begun_at)
    if state == SUCCESS and retval and task.name in STAGES:
        reached(STAGES[task.name], task)


def reached(stage: str, task: Any) -> None:
    """How long ago the tick came in that it began with; a message that does not say is not counted."""
    received_us = (task.request.headers or {}).get(RECEIVED)
    if Counting.tasks is not None and isinstance(received_us, int):
        Counting.tasks.reached(stage, (microseconds(wiring.now()) - received_us) / 1e6)


@task_failure.connect
def lost(sender: Any, task_id: str, exception: BaseException, **_: Any) -> None:
    """Its process is gone, and the parent tells; a hard time limit twice, the first time without the request."""
    if Counting.tasks is not None and isinstance(exception, GONE) and sender.request.id == task_id:
        Counting.tasks.never_ended(sender.name, "lost")


@task_revoked.connect
def revoked(sender: Any, **_: Any) -> None:
    """Thrown away before it began: most often a beat that came too late to be worth anything."""
    if Counting.tasks is not None:
        Counting.tasks.never_ended(sender.name, "revoked")


@task_rejected.connect
@task_unknown.connect
def refused(**_: Any) -> None:
    """A message that is no task here; what it calls itself could be anything, and is in its dead letter."""
    if Counting.tasks is not None:
        Counting.tasks.never_ended("?", "refused")
