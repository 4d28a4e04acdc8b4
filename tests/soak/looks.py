"""What a soak looks at every few seconds, and by how much each may grow meanwhile."""

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil
from sqlalchemy import Table, func, select, text
from sqlalchemy.orm import Session

from app.bus import Keys, Mailboxes, Queues, ResultsAside, connect
from app.figures import QUEUES
from app.store import Database
from models import Base, MarketDataRow, OrderRow, SignalRow, TradeRow
from models.orders import LIVE
from tests.bench import farms
from tests.soak.flat import Bound, Series, grown, quickened
from tests.soak.past import PAST

LOOK_S = 5.0
SHARDS = 2  # the default
STANDING = ("account", "audit_head", "cursors", "dead_letters", "instruments")  # other tables keep what happened
SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = current_database()"
)

# The first name that a value's own begins with decides.
BOUNDS = {
    "memory of Redis' data": Bound(2, 0.10),
    "memory of flower": Bound(100),  # it keeps 10,000 tasks, which come together within a quarter of an hour
    "memory": Bound(6, 0.06),
    "connections": Bound(3),
    "keys": Bound(20),
    "bytes of": Bound(512, 0.25),
    "rows of": Bound(3),
    "lag: ticks that wait for a drain": Bound(50),
    "lag: ticks that wait for the archive": Bound(300),
    "lag: age": Bound(1),
    "lag: results": Bound(100),
    # More is wanted than the venue grants, so some always wait; a minute of the market brings so many.
    "lag: tasks": Bound(300),
    "lag: signals": Bound(300),
    "lag: orders": Bound(60),
    "open trades": Bound(20),
    "kept:": Bound(2, 1.0),  # rows a second: what was done twice as fast wrote twice as much
}


class Looks(threading.Thread):
    """Looks at a farm from outside until it is ended; an error of it is raised then."""

    def __init__(self, supervisor: int, data_dir: Path, database: Database) -> None:
        super().__init__(name="looks", daemon=True)
        self._farm = psutil.Process(supervisor)
        self._database = database
        self._redis = connect(f"unix://{data_dir}/redis.sock")
        keys = Keys()
        self._mailboxes, self._results = Mailboxes(self._redis, keys, SHARDS), ResultsAside(self._redis, keys)
        self._queues = Queues(self._redis, keys.prefix)
        self._seen: dict[str, list[tuple[float, float]]] = {}
        self._ended = threading.Event()
        self._error: Exception | None = None

    def run(self) -> None:
        """One look after the other."""
        while not self._ended.wait(LOOK_S):
            try:
                for name, value in self._look():
                    self._seen.setdefault(name, []).append((time.monotonic(), value))
            except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
                self._error = error
                return

    def end(self) -> list[Series]:
        """What was seen, in the order of the names."""
        self._ended.set()
        self.join()
        self._redis.close()
        if self._error is not None:
            raise self._error
        return [Series(name, *zip(*looks, strict=True)) for name, looks in sorted(self._seen.items())]

    def _look(self) -> Iterator[tuple[str, float]]:
        yield from self._memory()
        yield "connections to the database", self._connections()
        yield "keys in Redis", float(self._redis.dbsize())
        yield "memory of Redis' data, MiB", self._redis.info("memory")["used_memory"] / farms.MIB
        yield "lag: ticks that wait for a drain", sum(self._mailboxes.depths().values())
        yield "lag: ticks that wait for the archive", sum(self._mailboxes.unarchived().values())
        yield "lag: age of the oldest tick that waits, s", max(self._mailboxes.ages_s().values(), default=0.0)
        yield "lag: tasks that wait", sum(self._queues.depths(QUEUES).values())
        yield "lag: results that wait for the database", len(self._results)
        with self._database.reading() as session:
            yield from self._tables(session)
        if self._database.is_sqlite:
            yield "bytes of the write-ahead log, KiB", os.stat(f"{self._database.url.database}-wal").st_size / 1024

    def _memory(self) -> Iterator[tuple[str, float]]:
        """MiB that the processes of a service share with nobody."""
        for service in self._farm.children():
            try:
                family = (service, *service.children(recursive=True))
                own = sum(one.memory_full_info().uss for one in family) / farms.MIB
                yield f"memory of {farms.service(service)}, MiB", own
            except psutil.NoSuchProcess:  # a child was replaced between the two questions
                continue
        yield "memory of the supervisor, MiB", self._farm.memory_full_info().uss / farms.MIB

    def _connections(self) -> float:
        """Sessions at PostgreSQL, or how often a process has SQLite's file open."""
        if not self._database.is_sqlite:
            with self._database.reading() as session:
                return float(session.scalar(text(SESSIONS)) or 0)
        return float(
            sum(_opened(one, self._database.url.database or "") for one in self._farm.children(recursive=True))
        )

    def _tables(self, session: Session) -> Iterator[tuple[str, float]]:
        for table in Base.metadata.sorted_tables:
            stands = table.name in STANDING
            yield f"{'rows of' if stands else 'kept:'} {table.name}", _count(session, table)
            if stands and not self._database.is_sqlite:
                size = session.scalar(text(f"SELECT pg_total_relation_size('{table.name}')")) or 0
                yield f"bytes of {table.name}, KiB", size / 1024
        yield "kept: celery_taskmeta", session.scalar(text("SELECT count(*) FROM celery_taskmeta")) or 0
        live = select(func.count()).select_from(OrderRow).where(text(LIVE))
        undecided = select(func.count()).select_from(SignalRow).where(SignalRow.status == "found")
        trades = select(func.count()).select_from(TradeRow).where(TradeRow.status == "open")
        yield "lag: orders that are not at their end", session.scalar(live) or 0
        yield "lag: signals that are not decided", session.scalar(undecided) or 0
        yield "open trades", session.scalar(trades) or 0


def objections(seen: list[Series]) -> list[str]:
    """What is not flat."""
    found = [(quickened if one.name.startswith("kept:") else grown)(one, bound(one.name)) for one in seen]
    return [one for one in found if one is not None]


def bound(name: str) -> Bound:
    """Of a value."""
    return next(allowed for begin, allowed in BOUNDS.items() if name.startswith(begin))


def told(seen: list[Series]) -> str:
    """Each value's median in the first, the second and the last third of the time."""
    lines = [f"{datetime.now(UTC):%Y-%m-%d %H:%M} medians of the thirds of {len(seen[0].values)} looks"]
    for one in seen:
        thirds = (median(one.part(third, third + 1).values) for third in range(3))
        lines.append(f"{one.name:45}" + "".join(f"{value:12.1f}" for value in thirds))
    return "\n".join(lines)


def _count(session: Session, table: Table) -> float:
    rows = select(func.count()).select_from(table)
    if table is MarketDataRow.__table__:
        rows = rows.where(MarketDataRow.source != PAST)  # those come and go
    return float(session.scalar(rows) or 0)


def _opened(process: psutil.Process, path: str) -> int:
    folder, found = Path(f"/proc/{process.pid}/fd"), 0
    try:
        for one in folder.iterdir():
            found += os.readlink(one) == path
    except FileNotFoundError:  # it, or one of its files, was closed meanwhile
        pass
    return found
