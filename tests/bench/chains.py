"""What the benchmarks' own Celery apps, whose chains the farm is compared with, have in common."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery, chain


def worker(name: str, processes: int, level: str, *options: str) -> tuple[str, ...]:
    """The command of a worker of an app, named `module:attribute`."""
    options = (*options, "-c", str(processes), "-l", level, "--without-mingle", "--without-gossip")
    return (sys.executable, "-m", "celery", "-A", name, "worker", *options)


@contextmanager
def sender(app: Celery, broker: str) -> Iterator[Any]:
    """What starts a chain at this broker: an app by itself goes on to the first one that it ever sent to."""
    with app.connection_for_write(broker) as connection:
        yield lambda *tasks: chain(*tasks).apply_async(connection=connection)
