"""The whole way of a market on a whole farm: 50,000 ticks a second from a venue's sockets into bars and archive."""

import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from itertools import cycle, islice
from urllib.parse import quote

import psutil
import redis

from app import bus, wiring
from app.domain.market import microseconds
from app.simulator.catalogue import symbols
from tests.bench import farms, naive, pushes, pushing
from tests.bench.figures import Figure, percentile, slope
from tests.fixtures.databases import running as served
from tests.fixtures.databases import short_folder
from workers.own_postgresql import PostgreSQL, programs
from workers.ports import free_port

NAMES = symbols(pushes.SYMBOLS)
SECONDS, SETTLE_S, PATIENCE_S = 60, 10.0, 180.0
WARM, CHAINS, NAIVE_PROCESSES = 50, 1_500, 2
RATES = {"50,000": pushes.MANY, "75,000": (4, 4, 4, 3, 4, 4, 4, 4, 4, 4)}
MARKET = {
    "EXCHANGE": "mexc",
    "VENUE_MARKET": "idle",
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
        newest_us = max(time_us for _, time_us in wiring.prices().last(NAMES).values())
        self.ages_ms.append((microseconds(wiring.now()) - newest_us) / 1000)


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
    urls = {"EXCHANGE_REST_URL": f"http://127.0.0.1:{port}", "EXCHANGE_WS_URL": f"ws://127.0.0.1:{port}/ws"}
    with pushing.venue(port) as venue, farms.running(**MARKET, **urls, **database) as farm:
        wiring.reset()
        until_heard(farm)
        beside = [venue, *([server] if server else [])]
        figures = []
        chains = _chains_a_second()
        for name, sizes in RATES.items():
            figures += _streamed(f"{kind}, {name}", port, sizes, farm, beside, chains)
    return figures


def until_heard(farm: psutil.Process) -> None:
    """The feed hears all symbols, and what a start brings with it is over."""
    deadline = time.monotonic() + PATIENCE_S
    while not (wiring.feed_status().read() or {}).get("ready"):
        assert farm.is_running(), "the farm has ended"
        assert time.monotonic() < deadline, f"the feed is not ready: {wiring.feed_status().read()}"
        time.sleep(0.5)
    time.sleep(SETTLE_S)


def _streamed(
    name: str, port: int, sizes: tuple[int, ...], farm: psutil.Process, beside: list[psutil.Process], chains: float
) -> list[Figure]:
    """A minute of it; then every tick must be in a bar and in the archive."""
    before, kept, used = _counted(), _kept(), _used(farm, beside)
    sent: list[int] = []
    query = f"stream?who=feed&seconds={SECONDS}&sizes={quote(json.dumps(sizes))}"
    pusher = threading.Thread(target=lambda: sent.append(json.loads(pushing.asked(port, query, "POST"))["ticks"]))
    looks, began = Looks(), time.monotonic()
    pusher.start()
    look = 0
    while pusher.is_alive():
        look += 1
        pusher.join(max(0.0, began + look - time.monotonic()))
        looks.look()
    took = time.monotonic() - began
    done = _counted()
    cores = {one: (now - used[one]) / took for one, now in _used(farm, beside).items()}
    wanted = sent[0]
    deadline = time.monotonic() + PATIENCE_S
    while (found := _kept() - kept) < wanted and time.monotonic() < deadline:
        time.sleep(0.5)
    late = time.monotonic() - began - took
    lost = {what: done.get(what, 0) - before.get(what, 0) for what in ("ticks_conflated", "ticks_archive_lost")}
    rate = (done.get("ticks_processed", 0) - before.get("ticks_processed", 0)) / took
    return [
        Figure(f"{name}: ticks a second into bars, beside a chain of tasks for each", rate, chains, "ticks/s"),
        Figure("  beside ticks sent", rate, wanted / took, "ticks/s"),
        Figure("  ticks kept in the archive, beside ticks sent", float(found), float(wanted), "ticks"),
        Figure("  ticks given up", float(sum(lost.values())), None, "ticks"),
        Figure("  seconds until the last was in the archive", late, None, "s"),
        *_lag("rows that wait for a drain", looks.undrained, "rows"),
        *_lag("rows that wait for the archive", looks.unarchived, "rows"),
        *_lag("age of the newest tick that was processed", looks.ages_ms, "ms"),
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
    naive.naive.conf.update(broker_url=os.environ[naive.BROKER])
    said = subprocess.DEVNULL
    worker = subprocess.Popen(naive.worker(NAIVE_PROCESSES), cwd=farms.ROOT, stdout=said, stderr=said)
    try:
        with bus.connect(url) as client:
            now_us = microseconds(wiring.now())
            for number, symbol in enumerate(islice(cycle(NAMES), WARM + CHAINS)):
                if number == WARM:
                    _until_done(client, WARM)
                    began = time.monotonic()
                naive.send((symbol, now_us + number, 64250.17, 0.004512, "buy", now_us))
            _until_done(client, WARM + CHAINS)
            return CHAINS / (time.monotonic() - began)
    finally:
        worker.terminate()
        worker.wait(30)


def _until_done(client: "redis.Redis", count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while int(client.get(naive.DONE) or 0) < count:
        assert time.monotonic() < deadline, f"chain {count} has not come to its end"
        time.sleep(0.02)


def _lag(what: str, values: list[float], unit: str) -> list[Figure]:
    """It is kept up with as long as the last one is about zero."""
    settled = values[5:]
    return [
        Figure(f"  {what}, median", percentile(settled, 50), None, unit),
        Figure(f"  {what}, most", max(settled), None, unit),
        Figure(f"  {what}, growth", slope(settled), None, f"{unit}/s"),
    ]


def _counted() -> dict[str, int]:
    return wiring.counters().all()


def _kept() -> int:
    return wiring.counters().all().get("ticks_archived", 0)


def _used(farm: psutil.Process, beside: list[psutil.Process]) -> dict[str, float]:
    """Seconds of CPU of each part, those of a database server included."""
    found = farms.cpu_s(farm)
    names = ("venue of the market", "database")
    for name, process in zip(names, beside, strict=False):
        family = (process, *process.children(recursive=True))
        found[name] = sum(map(farms.used_s, family))
    return found
