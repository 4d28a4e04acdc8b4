"""Days that are over: what upkeep has to make room for, again and again."""

import threading
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, text

from app.domain.market import Tick, microseconds
from app.store import Database, Ticks, keep_ticks
from app.store.partitions import PARTITIONS, partition_name
from models import MarketDataRow

EVERY_S, ROWS = 20.0, 500
OLDER_DAYS = 6
NOTHING_DAYS = 30
PAST = "past"  # the source of these ticks


class Past(threading.Thread):
    """Gives the database ticks of some days ago, on PostgreSQL in partitions of their own, until it is ended."""

    def __init__(self, database: Database, symbol: str) -> None:
        super().__init__(name="past", daemon=True)
        self._database, self._ticks, self._symbol = database, Ticks(database), symbol
        self.ended = threading.Event()
        self.given = 0

    def run(self) -> None:
        """Some rows, and a pause."""
        while not self.ended.wait(EVERY_S):
            then = datetime.now(UTC) - timedelta(days=OLDER_DAYS)
            keep_ticks(self._database, then, NOTHING_DAYS)
            begin_us = microseconds(then)
            self.given += self._ticks.archive(
                [Tick(self._symbol, begin_us + number, 1.0, 1.0, "buy", begin_us) for number in range(ROWS)], PAST
            )


def old_rows(database: Database, retention_days: int) -> int:
    """Ticks that should be gone."""
    with database.reading() as session:
        old = select(func.count()).select_from(MarketDataRow).where(MarketDataRow.timestamp < _oldest(retention_days))
        return session.scalar(old) or 0


def partitions(database: Database) -> set[str]:
    """Those that there are, but for the default one."""
    with database.reading() as session:
        return set(session.scalars(text(PARTITIONS)))


def wanted_partitions(ahead_days: int) -> set[str]:
    """Of today and the next days."""
    return {partition_name((datetime.now(UTC) + timedelta(days=ahead)).date()) for ahead in range(ahead_days + 1)}


def _oldest(retention_days: int) -> datetime:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=retention_days)
