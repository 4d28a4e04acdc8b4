"""What it takes to keep a raw tick, beside the bare driver that puts the same rows into the same table."""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import psutil
import psycopg

from app.domain.market import Tick, instant
from app.simulator.catalogue import symbols
from app.store import Database, Ticks, migrate
from tests.bench.figures import Figure
from tests.fixtures.databases import QUICK, running, short_folder
from workers.own_postgresql import PostgreSQL, programs

SYMBOLS, ROWS, ROUNDS, STEP_US = 1_950, 50_000, 5, 20
BEGAN_US = 1_790_000_000_000_000
COLUMNS = "symbol, timestamp, price, volume, side, source"
Cost = tuple[float, float]
Keep = Callable[[list[Tick]], object]


def run() -> list[Figure]:
    """On SQLite, and on PostgreSQL where it is installed."""
    figures = _on_sqlite()
    return figures if programs() is None else [*figures, *_on_postgresql()]


def _on_sqlite() -> list[Figure]:
    folder = Path(tempfile.mkdtemp(prefix="cdb-bench-"))
    try:
        ours, bare = folder / "ours.sqlite", folder / "bare.sqlite"
        with _migrated(f"sqlite:///{ours}") as database, _migrated(f"sqlite:///{bare}"):
            ticks = Ticks(database)
            return _told("SQLite", lambda some: ticks.archive(some, "bench"), lambda some: _executed(bare, some))
    finally:
        shutil.rmtree(folder)


def _on_postgresql() -> list[Figure]:
    with short_folder() as folder:
        server = PostgreSQL(folder, *QUICK)
        server.prepare()
        with running(server, folder) as process, _migrated(server.url) as database:
            ticks, beside = Ticks(database), psutil.Process(process.pid)
            url = server.url.replace("postgresql+psycopg:", "postgresql:")
            with psycopg.connect(url) as connection:
                connection.execute("CREATE TABLE bare (LIKE market_data INCLUDING ALL)")
                return _told(
                    "PostgreSQL",
                    lambda some: ticks.archive(some, "bench"),
                    lambda some: _copied(connection, some),
                    beside,
                )


def _told(name: str, ours: Keep, bare: Keep, server: psutil.Process | None = None) -> list[Figure]:
    costs = [(_cost(partial(ours, batch), server), _cost(partial(bare, batch), server)) for batch in _batches()]
    (wall, bare_wall), (cpu, bare_cpu) = (
        [median(pair[who][part] for pair in costs) for who in (0, 1)] for part in (0, 1)
    )
    return [
        Figure(f"CPU of a tick kept in {name}, beside its driver alone", cpu, bare_cpu, "µs"),
        Figure("  time of it", wall, bare_wall, "µs"),
    ]


def _batches() -> Iterator[list[Tick]]:
    names = symbols(SYMBOLS)
    for first in range(0, ROWS * ROUNDS, ROWS):
        yield [
            Tick(names[number % SYMBOLS], BEGAN_US + number * STEP_US, 100.0 + number % 7, 1.5, "buy", BEGAN_US)
            for number in range(first, first + ROWS)
        ]


def _cost(work: Callable[[], object], beside: psutil.Process | None) -> Cost:
    """Microseconds of a row: by the clock, and of CPU of this process and the server's."""
    began, used = time.monotonic(), time.process_time() + _used_s(beside)
    work()
    used = time.process_time() + _used_s(beside) - used
    return (time.monotonic() - began) / ROWS * 1e6, used / ROWS * 1e6


def _used_s(server: psutil.Process | None) -> float:
    """Of the server with its sessions; hundredths of a second are as fine as it is told."""
    found = [] if server is None else [server, *server.children(recursive=True)]
    return sum(sum(one.cpu_times()[:2]) for one in found)


def _executed(path: Path, ticks: Sequence[Tick]) -> None:
    rows = [(tick.symbol, tick.time_us, tick.price, tick.quantity, tick.side, "bench") for tick in ticks]
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=NORMAL")
    with connection:
        connection.executemany(f"INSERT INTO market_data ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.close()


def _copied(connection: "psycopg.Connection[tuple[object, ...]]", ticks: Sequence[Tick]) -> None:
    with connection.cursor().copy(f"COPY bare ({COLUMNS}) FROM STDIN") as copy:
        for tick in ticks:
            copy.write_row((tick.symbol, instant(tick.time_us), tick.price, tick.quantity, tick.side, "bench"))
    connection.commit()


@contextmanager
def _migrated(url: str) -> Iterator[Database]:
    database = Database(url)
    migrate(database)
    yield database
    database.engine.dispose()
