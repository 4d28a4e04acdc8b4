"""The bare minimum to compare with: a Celery app whose tasks do nothing, chained over three queues."""

import os
import time
from typing import Any

from celery import Celery

from tests.bench import chains

QUEUES = ("bare_first", "bare_second", "bare_third")
TOOK = "bare:took_us"

bare = Celery("bare", broker=os.environ.get("BARE_BROKER", "redis://127.0.0.1:1/0"))
bare.conf.update(
    task_ignore_result=True,
    task_routes={f"bare.{queue}": {"queue": queue} for queue in QUEUES},
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)


@bare.task(name="bare.bare_first")
def first(sent_us: int) -> int:
    """Hand on."""
    return sent_us


@bare.task(name="bare.bare_second")
def second(sent_us: int) -> int:
    """Hand on."""
    return sent_us


@bare.task(name="bare.bare_third")
def third(sent_us: int) -> None:
    """Keep how long the way was, in microseconds."""
    with bare.connection_for_write() as connection:
        channel: Any = connection.default_channel
        channel.client.rpush(TOOK, time.time_ns() // 1000 - sent_us)


def worker(processes: int, level: str) -> tuple[str, ...]:
    """The command of a worker for all of it."""
    return chains.worker("tests.bench.noop:bare", processes, level, "-Q", ",".join(QUEUES))


def links() -> tuple[Any, ...]:
    """One chain that begins now."""
    return first.s(time.time_ns() // 1000), second.s(), third.s()
