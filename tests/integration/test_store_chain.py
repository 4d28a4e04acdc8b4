"""The seal over the audits on both databases: what it covers, and what it survives."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing.managers import SyncManager

import pytest
from alembic import command
from sqlalchemy import text

from app import store as rooms
from app.domain.market import microseconds
from app.domain.orders import OrderState
from app.domain.risk import Breaker, TradingState
from app.domain.sealing import BEGINNING, GENESIS, Entry, Head, plain, seal
from app.steps.seal import seal as seal_all
from app.store import Audits, Database, keep_ticks, migrate, verify
from app.store.audits import audit
from app.store.chain import BATCH
from tests.contracts.stores import StoreUnderTest, sale
from tests.fixtures._chains import counted, found, links, sealed, sql, written
from tests.fixtures._contenders import audits_and_seals, dies_while_it_seals, seals
from tests.fixtures._forks import FORKED
from tests.fixtures.memory.builders import NOON
from tests.integration.test_store_crowd import address, at_once
from tests.integration.test_store_migrations import config

HARD = {
    "price": Decimal("0.10"),
    "zebra": {"ä": "€ 😀 \u2028 \x7f", "a": ['"', "\\", "\n\t", "</script>"], "": None},
    "attempt": 10**20,
    "marks": [1e22, -0.0, 0.1, 1e-7],
    "live": True,
    "Zebra": [],
}
MOMENT = datetime(2024, 11, 20, 12, 0, 0, 1, tzinfo=UTC)


@pytest.fixture
def chain(database: Database) -> Database:
    """Six rows that are sealed, and one that waits."""
    return written(sealed(database), 1)


def test_an_empty_database_is_intact(database: Database) -> None:
    verdict = verify(database)

    assert (verdict.broken, verdict.sealed, verdict.waiting) == (None, 0, 0)
    assert (verdict.head, verdict.sealed_at) == (BEGINNING, None)


def test_what_is_sealed_and_what_waits_is_counted(chain: Database) -> None:
    verdict = verify(chain)

    assert (verdict.broken, verdict.sealed, verdict.waiting, verdict.sealed_at) == (None, 6, 1, NOON)
    assert verdict.head == Audits(chain).head() == Head(6, links(chain)[5].hash)


def test_the_hash_of_a_row_is_known_before_it_is_written(database: Database) -> None:
    """So it is the same on both databases, whatever they make of JSON and of times."""
    Audits(database).write("farm.looked", "farm", HARD, MOMENT)
    Audits(database).seal(10, NOON)

    [(_, number, stored)] = links(database)
    as_given = Entry(number, "farm.looked", "farm", json.dumps(plain(HARD)), str(microseconds(MOMENT)))
    assert stored == seal(GENESIS, 1, as_given)


def test_whatever_the_store_audits_can_be_sealed(database: Database) -> None:
    store = StoreUnderTest.over(rooms, database).opened()
    trade_id = store.holding().trade_id
    store.settled(store.sent(store.exit(trade_id)), OrderState.FILLED, sale())
    store.orders.expire(store.entry("two", symbol="ETH/USDT"), "too old", NOON)
    store.ledger.set_state(TradingState.HALTED, "a test", "ann", NOON)
    store.ledger.resume("looked at it", "ann", Breaker(Decimal("0.05"), Decimal("0.1")), NOON)
    store.books.adopt(Decimal(5), "a test", "ann", NOON)

    assert seal_all(audits=Audits(database), at=NOON, batch=3) > 15
    assert found(database) is None


def test_more_rows_than_are_read_at_once_are_one_chain(database: Database) -> None:
    sealed(database, BATCH + 5)

    assert counted(database) == (BATCH + 5, 0)
    sql(database, "UPDATE audits SET service = 'nobody' WHERE sequence = :place", place=BATCH + 2)
    assert found(database) == ("altered", BATCH + 2)


def test_a_row_that_commits_late_comes_later_in_the_chain(postgresql: Database) -> None:
    audits = Audits(postgresql)
    with postgresql.writing() as late:
        audit(late, "farm.late", "farm", {}, NOON)
        late.flush()
        audits.write("farm.early", "farm", {}, NOON)
        assert audits.seal(10, NOON) == 1
    assert audits.seal(10, NOON) == 1

    first, second = links(postgresql)
    assert first.id > second.id
    assert found(postgresql) is None


def test_several_sealers_at_once_make_one_chain(database: Database) -> None:
    written(database, 60)

    with SyncManager(ctx=FORKED) as manager:
        each = manager.list()
        assert at_once(seals, *[(address(database), 1, each)] * 3) == [0, 0, 0]
        assert sum(each) == 60  # none was sealed by two

    assert counted(database) == (60, 0)


def test_rows_that_are_written_meanwhile_are_sealed_too(database: Database) -> None:
    assert at_once(audits_and_seals, *((address(database), number) for number in range(4))) == [0] * 4
    seal_all(audits=Audits(database), at=NOON)

    assert counted(database) == (80, 0)


def test_a_sealer_that_dies_in_a_batch_leaves_whole_ones(database: Database) -> None:
    written(database, 10)

    assert at_once(dies_while_it_seals, (address(database), 4)) == [9]

    assert counted(database) == (4, 6)
    assert seal_all(audits=Audits(database), at=NOON, batch=4) == 6
    assert counted(database) == (10, 0)


def test_a_database_that_had_audits_before_is_sealed_from_its_first_on(own_database: Database) -> None:
    _at(own_database, "0003")
    moment = microseconds(MOMENT) if own_database.is_sqlite else MOMENT
    for number in (5, 9):
        statement = "INSERT INTO audits (id, event_type, service, data, timestamp) VALUES (:id, 'a', 'b', '{}', :at)"
        sql(own_database, statement, id=number, at=moment)
    migrate(own_database)

    assert seal_all(audits=Audits(own_database), at=NOON) == 2
    assert [(row.sequence, row.id) for row in links(own_database)] == [(1, 5), (2, 9)]
    assert found(own_database) is None


def test_going_back_to_the_version_before_takes_only_the_seal_away(own_database: Database) -> None:
    sealed(own_database, 3)

    _at(own_database, "0003")

    with own_database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM audits")) == 3


def test_retention_leaves_audits_however_old_they_are(chain: Database) -> None:
    keep_ticks(chain, NOON + timedelta(days=10_000), retention_days=1)

    assert counted(chain) == (6, 1)


def test_rows_that_wait_are_found_without_reading_the_sealed_ones(sqlite: Database) -> None:
    with sqlite.reading() as session:
        query = "EXPLAIN QUERY PLAN SELECT id, data FROM audits WHERE sequence IS NULL ORDER BY id LIMIT 500"
        [step] = session.execute(text(query)).all()

    assert "USING INDEX" in step.detail


def _at(database: Database, revision: str) -> None:
    with database.migrating() as connection:
        command.downgrade(config(connection), revision)
