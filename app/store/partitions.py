"""Keeping `market_data` in shape: a partition for each day on PostgreSQL, and old ticks dropped on both."""

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from app.store.database import Database
from models import MarketDataRow

AHEAD_DAYS = 3
PARTITION = "market_data_"
BATCH = 5_000
PARTITIONS = """
    SELECT child.relname FROM pg_inherits
    JOIN pg_class parent ON parent.oid = inhparent
    JOIN pg_class child ON child.oid = inhrelid
    WHERE parent.relname = 'market_data' AND child.relname <> 'market_data_default'
"""


def keep_ticks(database: Database, at: datetime, retention_days: int) -> int:
    """Make the partitions of the next days and drop what is older; how many partitions or rows went."""
    oldest = at.date() - timedelta(days=retention_days)
    if database.is_sqlite:
        return _delete_before(database, oldest)
    with database.writing(durable=False) as session:
        for ahead in range(AHEAD_DAYS + 1):
            _create(session, at.date() + timedelta(days=ahead))
        dropped = _drop_before(session, oldest)
    return dropped + _delete_before(database, oldest)


def partition_name(day: date) -> str:
    """The table of one day's ticks."""
    return f"{PARTITION}{day:%Y%m%d}"


def _create(session: Session, day: date) -> None:
    first, last = _midnight(day), _midnight(day + timedelta(days=1))
    taken = select(MarketDataRow.id).where(MarketDataRow.timestamp >= first, MarketDataRow.timestamp < last)
    if session.scalar(taken.limit(1)) is not None:
        return  # that day's ticks are in the default partition already, which forbids another for them
    bounds = f"FROM ('{first.isoformat()}') TO ('{last.isoformat()}')"
    session.execute(
        text(f"CREATE TABLE IF NOT EXISTS {partition_name(day)} PARTITION OF market_data FOR VALUES {bounds}")
    )


def _drop_before(session: Session, oldest: date) -> int:
    old = [name for name in session.scalars(text(PARTITIONS)) if name < partition_name(oldest)]
    for name in old:
        session.execute(text(f"DROP TABLE {name}"))
    return len(old)


def _delete_before(database: Database, oldest: date) -> int:
    """In batches, so that nobody waits long for the lock."""
    gone, last = 0, BATCH
    while last == BATCH:
        with database.writing(durable=False) as session:
            old = select(MarketDataRow.id).where(MarketDataRow.timestamp < _midnight(oldest)).limit(BATCH)
            found = session.scalars(old).all()
            session.execute(delete(MarketDataRow).where(MarketDataRow.id.in_(found)))
            last = len(found)
        gone += last
    return gone


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
