"""How soon a farm is up, and what memory each of its processes has for itself, beside a bare Celery worker."""

import os
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import psutil

from app.simulator.catalogue import symbols
from tests.bench import farms, noop
from tests.bench.figures import Figure
from tests.fixtures.redis_server import start_redis, stop_redis

STARTS, LIVES_S = 3, 20.0
FEW = {"VENUE_MARKET": "synthetic", "VENUE_TICKS_PER_S": "500", "SYMBOLS": ",".join(symbols(50))}
MANY = {**FEW, "SYMBOLS": ",".join(symbols(1_950))}


def run() -> list[Figure]:
    """Medians of three starts; memory after a while of trading."""
    bare = [_bare() for _ in range(STARTS)]
    starts, memory = [], {}
    for number in range(STARTS):
        began = time.monotonic()
        with farms.running(**FEW) as farm:
            starts.append(time.monotonic() - began)
            if number == 0:
                time.sleep(LIVES_S)
                memory = farms.own_memory(farm)
    with farms.running(**MANY) as farm:
        time.sleep(LIVES_S)
        more = farms.own_memory(farm)
    bare_mib = median(own for _, own in bare)
    return [
        Figure("time until a farm is up, beside a bare worker", median(starts), median(took for took, _ in bare), "s"),
        *(
            Figure(f"own memory of {name}, beside a bare worker", value, bare_mib, "MiB")
            for name, value in sorted(memory.items(), key=lambda one: -one[1])
        ),
        *(
            Figure(f"  of {name} for each further symbol", (more[name] - value) / (1_950 - 50) * 1024, None, "KiB")
            for name, value in sorted(memory.items())
            if name in more
        ),
    ]


def _bare() -> tuple[float, float]:
    """Seconds until a worker without any of our code is ready, and the MiB of it with one process."""
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="cdb-")))
        server, url = start_redis(folder)
        ending.callback(stop_redis, server)
        env = {**os.environ, "BARE_BROKER": url.replace("unix://", "redis+socket://")}
        said, began = folder / "said.txt", time.monotonic()
        with said.open("w") as out:
            worker = subprocess.Popen(noop.worker(1, "info"), cwd=farms.ROOT, env=env, stdout=out, stderr=out)
        try:
            while " ready." not in said.read_text():
                assert worker.poll() is None, said.read_text()
                time.sleep(0.02)
            took = time.monotonic() - began
            (child,) = psutil.Process(worker.pid).children()
            return took, child.memory_full_info().uss / farms.MIB
        finally:
            worker.terminate()
            worker.wait(30)
