"""The whole way of a market on a whole farm: 50,000 ticks a second from a venue's sockets into bars and archive."""

import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle, islice

import psutil
import redis

from app import bus, wiring
from app.domain.market import microseconds
from app.simulator.catalogue import symbols
from tests.bench import chains, farms, naive, pushes, pushing
from tests.bench.figures import Figure, lag
from tests.bench.servers import with_sessions_s
from tests.fixtures.commands import until
from tests.fixtures.databases import running as served
from tests.fixtures.databases import short_folder
from workers.own_postgresql import PostgreSQL, programs
from workers.ports import free_port

NAMES = symbols(pushes.SYMBOLS)
SECONDS, PATIENCE_S = 60, 180.0
UNSETTLED = 5  # seconds in which a stream is taken up
WARM, CHAINS, NAIVE_PROCESSES = 50, 1_500, 2
RATES = {"50,000": pushes.MANY, "75,000": (4, 4, 4, 3, 4, 4, 4, 4, 4, 4)}
MARKET = {
    "SYMBOLS": ",".join(NAMES),
    "BAR_INTERVALS": "1m",
    "STRATEGIES": "momentum",
    "REQUEST_WEIGHT": "0",
}


@dataclass(slots=True)
class Looks:
    """What was seen once a second: rows that wait for a drain, and for the archive, and the age of the newest tick."""

    undrained: list[float] = field(default_factory=list)
    unarchived: list[float] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)

    def look(self) -> None:
        """Once."""
        boxes = wiring.mailboxes()
        self.undrained.append(float(sum(boxes.depths().values())))
        self.unarchived.append(float(sum(boxes.unarchived().values())))
        self.ages_ms.append(farms.newest_age_ms(NAMES))


def run() -> list[Figure]:
    """On SQLite, and on PostgreSQL where it is installed."""
    figures = _measured("SQLite", {})
    if programs() is None:
        return figures
    with short_folder() as folder:
        server = PostgreSQL(folder)
        server.prepare()
        with served(server, folder) as process:
            return figures + _measured("PostgreSQL", {"DATABASE_URL": server.url}, psutil.Process(process.pid))


def _measured(kind: str, database: dict[str, str], server: psutil.Process | None = None) -> list[Figure]:
    port = free_port()
    with pushing.venue(port) as venue, farms.running(**MARKET, **pushing.followed(port), **database) as farm:
        wiring.reset()
        pushing.until_heard()

        def used() -> dict[str, float]:
            """Seconds of CPU of each part."""
            kept = {} if server is None else {"database": with_sessions_s(server)}
            return {**farms.cpu_s(farm), **kept, "venue of the market": farms.used_s(venue)}

        bare = _chains_a_second()
        measured = [_streamed(f"{kind}, {name}", port, sizes, used, bare) for name, sizes in RATES.items()]
    return [figure for figures in measured for figure in figures]


def _streamed(
    name: str, port: int, sizes: tuple[int, ...], used: Callable[[], dict[str, float]], bare: float
) -> list[Figure]:
    """A minute of it; then every tick must be in a bar and in the archive."""
    before, used_before = _counted(), used()
    sent: list[int] = []
    pusher = threading.Thread(target=lambda: sent.append(pushing.stream(port, sizes, SECONDS)))
    looks, began = Looks(), time.monotonic()
    pusher.start()
    look = 0
    while pusher.is_alive():
        look += 1
        pusher.join(max(0.0, began + look - time.monotonic()))
        looks.look()
    took = time.monotonic() - began
    done = _counted() - before
    cores = {one: (now - used_before[one]) / took for one, now in used().items()}
    wanted = sent[0]
    deadline = time.monotonic() + PATIENCE_S
    while (_counted() - before)["ticks_archived"] < wanted and time.monotonic() < deadline:
        time.sleep(0.5)
    late, rate = time.monotonic() - began - took, done["ticks_processed"] / took
    ended = _counted() - before  # what the feed gives up it tells some seconds later
    found, lost = ended["ticks_archived"], ended["ticks_conflated"] + ended["ticks_archive_lost"]
    return [
        Figure(f"{name}: ticks a second into bars, beside a chain of tasks for each", rate, bare, "ticks/s"),
        Figure("  beside ticks sent", rate, wanted / took, "ticks/s"),
        Figure("  ticks kept in the archive, beside ticks sent", float(found), float(wanted), "ticks"),
        Figure("  ticks given up", float(lost), None, "ticks"),
        Figure("  seconds until the last was in the archive", late, None, "s"),
        *lag("  rows that wait for a drain", looks.undrained[UNSETTLED:], "rows"),
        *lag("  rows that wait for the archive", looks.unarchived[UNSETTLED:], "rows"),
        *lag("  age of the newest tick that was processed", looks.ages_ms[UNSETTLED:], "ms"),
        Figure(
            "  CPU of everything, venue and database included",
            sum(cores.values()),
            float(psutil.cpu_count() or 1),
            "cores",
        ),
        *(
            Figure(f"    of which {one}", used, None, "cores")
            for one, used in sorted(cores.items(), key=lambda it: -it[1])
        ),
    ]


def _chains_a_second() -> float:
    """The same broker and database, a worker with a process for each core, one feed that sends."""
    url = wiring.settings().redis_url
    os.environ |= {
        naive.BROKER: url.replace("unix://", "redis+socket://"),
        naive.CLIENT: url,
        naive.DATABASE: wiring.database().url.render_as_string(hide_password=False),
    }
    said = subprocess.DEVNULL
    worker = subprocess.Popen(naive.worker(NAIVE_PROCESSES), cwd=farms.ROOT, stdout=said, stderr=said)
    try:
        with bus.connect(url) as client, chains.sender(naive.naive, os.environ[naive.BROKER]) as send:
            now_us = microseconds(wiring.now())
            for number, symbol in enumerate(islice(cycle(NAMES), WARM + CHAINS)):
                if number == WARM:
                    _until_done(client, WARM)
                    began = time.monotonic()
                send(*naive.links((symbol, now_us + number, 64250.17, 0.004512, "buy", now_us)))
            _until_done(client, WARM + CHAINS)
            return CHAINS / (time.monotonic() - began)
    finally:
        worker.terminate()
        worker.wait(30)


def _until_done(client: "redis.Redis", count: int) -> None:
    until(lambda: int(client.get(naive.DONE) or 0) >= count, f"the end of chain {count}", PATIENCE_S)


def _counted() -> "Counter[str]":
    return Counter(wiring.counters().all())
