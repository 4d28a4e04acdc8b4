"""A farm for a benchmark: its own folder and ports, up when it is entered, gone afterwards."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import psutil

from app import wiring
from app.domain.market import microseconds
from app.settings.apart import live_apart
from tests.fixtures.commands import title
from workers.ports import NO_METRICS, free_port

UP_S = 90.0
MIB = 2**20
Found = TypeVar("Found")
ROOT = Path(__file__).parents[2]


class NotUp(Exception):
    """The farm did not come up; its output is in the message."""


@contextmanager
def running(program: str = "app.cli", **settings: str) -> Iterator[psutil.Process]:
    """A farm that is up; `settings` are CDB_* without the prefix, `program` is a module that is used as `cdb`."""
    folder = Path(tempfile.mkdtemp(prefix="cdb-bench-"))
    settings_of_its_own(folder, **settings)
    said = folder / "said.txt"
    with said.open("w") as out:
        farm = subprocess.Popen([sys.executable, "-m", program, "up"], cwd=ROOT, stdout=out, stderr=out)
    try:
        _until_up(farm, said)
        yield psutil.Process(farm.pid)
    finally:
        farm.terminate()
        farm.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def apart(work: Callable[..., Found], *arguments: object) -> Found:
    """In a process of its own, since a process's Celery knows the broker of one farm."""
    with ProcessPoolExecutor(1, get_context("spawn")) as one:
        return one.submit(work, *arguments).result()


def settings_of_its_own(folder: Path, **settings: str) -> None:
    """Whatever is set here, and in the .env of a farm that trades here, is none of its business."""
    own = {"DATA_DIR": str(folder), "VENUE_PORT": str(free_port()), "FLOWER_PORT": str(free_port()), **settings}
    live_apart({**NO_METRICS, **{f"CDB_{name}": value for name, value in own.items()}})


def _until_up(farm: "subprocess.Popen[bytes]", said: Path) -> None:
    deadline = time.monotonic() + UP_S
    while "the farm is up" not in said.read_text():
        if farm.poll() is not None or time.monotonic() > deadline:
            raise NotUp(said.read_text())
        time.sleep(0.2)


def cpu_s(farm: psutil.Process) -> dict[str, float]:
    """Seconds of CPU that each service of a farm has used so far; `farm` is what keeps them."""
    used = {"farm": used_s(farm)}
    for child in farm.children():
        used[service(child)] = used_s(child) + sum(map(used_s, child.children(recursive=True)))
    return used


def own_memory(farm: psutil.Process) -> dict[str, float]:
    """MiB that each service's largest process shares with nobody; `farm` is what keeps them."""
    found = {"farm": farm.memory_full_info().uss / MIB}
    for child in farm.children():
        family = (child, *child.children(recursive=True))
        found[service(child)] = max(one.memory_full_info().uss for one in family) / MIB
    return found


def whole_memory(farm: psutil.Process) -> float:
    """MiB that the processes of a farm do not share, Redis and the venue with them."""
    return sum(one.memory_full_info().uss for one in (farm, *farm.children(recursive=True))) / MIB


def newest_age_ms(symbols: Sequence[str]) -> float:
    """How old the newest tick is that the farm which `wiring` leads to has worked through."""
    newest_us = max(time_us for _, time_us in wiring.prices().last(symbols).values())
    return (microseconds(wiring.now()) - newest_us) / 1000


def used_s(process: psutil.Process) -> float:
    """Seconds of CPU that one process has used so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def service(process: psutil.Process) -> str:
    """`signals` of a worker named `signals@…`, wherever its title is cut off; `feed` of `python -m app.cli feed`."""
    words = title(process).split()
    queues = [word.partition("@")[0] for word in words if "@" in word]
    if queues:
        return queues[0]
    names = [name for name in ("venue", "feed", "beat", "flower", "console", "notifier") if name in words]
    return names[0] if names else "redis"
