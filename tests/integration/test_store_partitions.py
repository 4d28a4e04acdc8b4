"""Raw ticks are kept as long as the setting says: by partitions of a day, or row by row."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from app.domain.market import Tick, microseconds
from app.store import Database, Ticks, keep_ticks
from models import MarketDataRow
from tests.fixtures.memory.builders import NOON

DAY = timedelta(days=1)


def heard(database: Database, at: datetime, count: int = 1) -> int:
    ticks = [Tick("BTC/USDT", microseconds(at) + n, 1.5, 0.5, "sell") for n in range(count)]
    return Ticks(database).archive(ticks, "mexc")


def places(database: Database) -> dict[str, int]:
    """How many ticks each partition holds."""
    count = text("SELECT tableoid::regclass::text, count(*) FROM market_data GROUP BY 1")
    with database.reading() as session:
        return dict(session.execute(count).all())


def kept(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(MarketDataRow)) or 0


def test_a_tick_is_kept_as_it_was_heard(database: Database) -> None:
    heard(database, NOON)

    with database.reading() as session:
        row = session.scalars(select(MarketDataRow)).one()

    assert (row.symbol, row.price, row.volume, row.side, row.source) == ("BTC/USDT", 1.5, 0.5, "sell", "mexc")
    assert row.timestamp == NOON


def test_ticks_older_than_the_retention_go(own_database: Database) -> None:
    for age in range(5):
        heard(own_database, NOON - age * DAY, count=10)

    keep_ticks(own_database, NOON, retention_days=2)

    assert kept(own_database) == 30


def test_nothing_goes_before_its_time(own_database: Database) -> None:
    heard(own_database, NOON - 2 * DAY, count=10)

    assert keep_ticks(own_database, NOON, retention_days=2) == 0
    assert kept(own_database) == 10


def test_many_go_in_batches(sqlite: Database) -> None:
    heard(sqlite, NOON - 5 * DAY, count=12_000)

    assert keep_ticks(sqlite, NOON, retention_days=2) == 12_000
    assert kept(sqlite) == 0


def test_a_day_has_its_partition_before_it_begins(own_postgresql: Database) -> None:
    keep_ticks(own_postgresql, NOON, retention_days=7)
    for days in range(4):
        heard(own_postgresql, NOON + days * DAY)

    assert places(own_postgresql) == {f"market_data_{20241120 + days}": 1 for days in range(4)}


def test_a_tick_of_a_day_without_a_partition_is_kept_all_the_same(own_postgresql: Database) -> None:
    heard(own_postgresql, NOON)

    assert places(own_postgresql) == {"market_data_default": 1}


def test_a_day_that_began_without_its_partition_does_without_and_the_next_has_one(own_postgresql: Database) -> None:
    heard(own_postgresql, NOON, count=3)
    keep_ticks(own_postgresql, NOON, retention_days=7)
    heard(own_postgresql, NOON + timedelta(hours=1))
    heard(own_postgresql, NOON + DAY)

    assert places(own_postgresql) == {"market_data_default": 4, "market_data_20241121": 1}
    assert heard(own_postgresql, NOON, count=3) == 0


def test_what_went_to_no_partition_goes_in_its_time_too(own_postgresql: Database) -> None:
    heard(own_postgresql, NOON, count=3)

    assert keep_ticks(own_postgresql, NOON + 8 * DAY, retention_days=7) == 3
    assert kept(own_postgresql) == 0


def test_old_days_are_dropped_whole(own_postgresql: Database) -> None:
    keep_ticks(own_postgresql, NOON, retention_days=7)
    heard(own_postgresql, NOON)
    heard(own_postgresql, NOON + DAY)

    assert keep_ticks(own_postgresql, NOON + 8 * DAY, retention_days=7) == 1
    assert places(own_postgresql) == {"market_data_20241121": 1}


def test_keeping_twice_is_keeping_once(own_postgresql: Database) -> None:
    keep_ticks(own_postgresql, NOON, retention_days=7)

    assert keep_ticks(own_postgresql, NOON, retention_days=7) == 0


@pytest.mark.parametrize("count", [1, 2_000])
def test_a_batch_is_kept_once_whatever_its_size(database: Database, count: int) -> None:
    assert [heard(database, NOON, count), heard(database, NOON, count)] == [count, 0]
