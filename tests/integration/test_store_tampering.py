"""Somebody writes into sealed audits past the farm: the first row that was touched is named, on both databases."""

from collections.abc import Callable

import pytest

from app.domain.market import microseconds
from app.domain.sealing import GENESIS, Entry, Head, seal
from app.steps.seal import seal as seal_all
from app.store import Audits, Database
from models import AuditRow
from tests.fixtures._chains import counted, found, links, sealed, sql, written
from tests.fixtures.memory.builders import NOON

OTHER = "f" * 64


@pytest.fixture
def chain(database: Database) -> Database:
    """Six rows that are sealed, and one that waits."""
    return written(sealed(database), 1)


def _altered(column: str, value: str) -> Callable[[Database], None]:
    return lambda chain: sql(chain, f"UPDATE audits SET {column} = {value} WHERE sequence = 3")


def _deleted(where: str) -> Callable[[Database], None]:
    return lambda chain: sql(chain, f"DELETE FROM audits WHERE {where}")


def _swapped(chain: Database) -> None:
    for before, after in ((2, 100), (5, 2), (100, 5)):
        sql(chain, "UPDATE audits SET sequence = :after WHERE sequence = :before", after=after, before=before)


def _forged(chain: Database, sequence: int, previous: str, digest: str = "") -> None:
    entry = Entry(10**6, "order.open", "orders", "{}", str(microseconds(NOON)))
    content = {"id": entry.id, "event_type": entry.event_type, "service": entry.service, "data": {}, "timestamp": NOON}
    with chain.writing() as session:
        session.add(AuditRow(**content, sequence=sequence, hash=digest or seal(previous, sequence, entry)))


def _made_room(chain: Database) -> None:
    """Rows from sequence 3 on go one place further, the last first."""
    for place in (6, 5, 4, 3):
        sql(chain, "UPDATE audits SET sequence = :place + 1 WHERE sequence = :place", place=place)


def _forged_in_between(chain: Database) -> None:
    _made_room(chain)
    _forged(chain, 3, "", OTHER)


def _forged_well_in_between(chain: Database) -> None:
    _made_room(chain)
    _forged(chain, 3, links(chain)[1].hash)


def _forged_behind(chain: Database) -> None:
    _forged(chain, 7, links(chain)[5].hash)


def _forged_before(chain: Database) -> None:
    _forged(chain, 0, GENESIS)


def _replaced(chain: Database) -> None:
    _deleted("sequence = 4")(chain)
    _forged(chain, 4, links(chain)[2].hash)


def _moved_back(chain: Database) -> None:
    sql(chain, "UPDATE audits SET sequence = NULL, hash = NULL WHERE sequence = 3")
    Audits(chain).seal(10, NOON)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param(_altered("data", "'{\"number\": 9}'"), ("altered", 3), id="data"),
        pytest.param(_altered("event_type", "'order.filled'"), ("altered", 3), id="event_type"),
        pytest.param(_altered("service", "'nobody'"), ("altered", 3), id="service"),
        pytest.param(_altered("id", "id + 1000000"), ("altered", 3), id="id"),
        pytest.param(_altered("hash", f"'{OTHER}'"), ("altered", 3), id="hash"),
        pytest.param(_altered("hash", "NULL"), ("altered", 3), id="no hash"),
        pytest.param(_swapped, ("altered", 2), id="swapped"),
        pytest.param(_replaced, ("altered", 5), id="replaced by a row with a hash that fits"),
        pytest.param(_deleted("sequence = 3"), ("missing", 3), id="deleted"),
        pytest.param(_deleted("sequence < 3"), ("missing", 1), id="the first deleted"),
        pytest.param(_deleted("sequence = 6"), ("missing", 6), id="the last deleted"),
        pytest.param(_deleted("sequence > 0"), ("missing", 1), id="all deleted"),
        pytest.param(_moved_back, ("missing", 3), id="sealed anew at the end"),
        pytest.param(_forged_in_between, ("inserted", 3), id="forged in between"),
        pytest.param(_forged_well_in_between, ("inserted", 3), id="forged in between with a hash that fits"),
        pytest.param(_forged_behind, ("inserted", 7), id="forged behind the head"),
        pytest.param(_forged_before, ("inserted", 0), id="forged before the first"),
        pytest.param(lambda chain: sql(chain, "DELETE FROM audit_head"), ("inserted", 1), id="no head"),
        pytest.param(
            lambda chain: sql(chain, "UPDATE audit_head SET sequence = 5"), ("inserted", 6), id="the head put back"
        ),
        pytest.param(
            lambda chain: sql(chain, f"UPDATE audit_head SET hash = '{OTHER}'"), ("altered", 6), id="the head's hash"
        ),
    ],
)
def test_the_first_row_that_somebody_touched_is_named(
    chain: Database, change: Callable[[Database], None], named: tuple[str, int]
) -> None:
    assert found(chain) is None

    change(chain)

    assert found(chain) == named


def test_a_microsecond_is_seen(chain: Database) -> None:
    later = "1" if chain.is_sqlite else "interval '1 microsecond'"
    _altered("timestamp", f"timestamp + {later}")(chain)

    assert found(chain) == ("altered", 3)


def test_a_time_that_is_none_is_seen(chain: Database) -> None:
    _altered("timestamp", "'yesterday'" if chain.is_sqlite else "'infinity'")(chain)

    assert found(chain) == ("altered", 3)


@pytest.mark.parametrize("data", ["'nonsense'", "''", '\'{"number": 2, "number": 2}\'', "x'7b7d'"])
def test_data_that_is_no_json_any_more_is_seen(sqlite: Database, data: str) -> None:
    sealed(sqlite)
    _altered("data", data)(sqlite)

    assert found(sqlite) == ("altered", 3)


def test_a_row_without_a_place_in_numbers_is_seen(sqlite: Database) -> None:
    written(sealed(sqlite), 1)
    sql(sqlite, "UPDATE audits SET sequence = 6.5 WHERE sequence IS NULL")

    assert found(sqlite) == ("inserted", 6.5)


def test_a_row_that_waits_and_cannot_be_read_stops_the_seal_and_is_named(sqlite: Database) -> None:
    written(sqlite, 3)
    sql(sqlite, "UPDATE audits SET data = 'nonsense' WHERE id = 2")

    with pytest.raises(ValueError, match=r"row 2 of audits was changed: .* Put it right"):
        Audits(sqlite).seal(10, NOON)

    assert counted(sqlite) == (0, 3)


def test_a_row_that_was_changed_before_its_seal_is_not_seen(chain: Database) -> None:
    sql(chain, "UPDATE audits SET service = 'nobody' WHERE sequence IS NULL")
    Audits(chain).seal(10, NOON)

    assert found(chain) is None


def _made_anew(chain: Database, event_type: str) -> None:
    """Who can write everything changes a row and seals all of them again."""
    sql(chain, "UPDATE audits SET event_type = :event_type WHERE sequence = 3", event_type=event_type)
    sql(chain, "UPDATE audits SET sequence = NULL, hash = NULL")
    sql(chain, "DELETE FROM audit_head")
    seal_all(audits=Audits(chain), at=NOON)


def test_a_chain_that_was_made_anew_is_seen_by_a_noted_head_alone(chain: Database) -> None:
    noted = Audits(chain).head()
    early = Head(2, links(chain)[1].hash)

    _made_anew(chain, "order.filled")

    assert found(chain) is None
    assert found(chain, noted=early) is None
    assert found(chain, noted=noted) == ("rewritten", 6)
    assert found(chain, start=7, noted=noted) == ("rewritten", 6)


def test_a_chain_that_was_cut_with_its_head_is_seen_by_a_noted_head_alone(chain: Database) -> None:
    noted, fourth = Audits(chain).head(), links(chain)[3].hash
    _deleted("sequence > 4 OR sequence IS NULL")(chain)
    sql(chain, "UPDATE audit_head SET sequence = 4, hash = :fourth", fourth=fourth)

    assert found(chain) is None
    assert found(chain, noted=noted) == ("missing", 5)
    assert found(chain, start=7, noted=noted) == ("missing", 6)


def test_from_a_row_on_what_was_before_is_trusted(chain: Database) -> None:
    _altered("service", "'nobody'")(chain)

    assert found(chain, start=3) == ("altered", 3)
    assert found(chain, start=4) is None
    assert found(chain, start=7) is None
    assert found(chain, start=9) == ("missing", 8)
