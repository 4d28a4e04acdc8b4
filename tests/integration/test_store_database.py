"""The way to the database: what a transaction is, what a fault of it looks like, and what crosses a fork."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, make_url, text

from app import store as rooms
from app.domain.risk import TradingState
from app.store import Database, DatabaseError, Ledger, Signals, behind, migrate
from tests.contracts.stores import LEASE, StoreUnderTest
from tests.fixtures._contenders import forks
from tests.fixtures._forks import FORKED
from tests.fixtures.memory.builders import NOON, a_signal

CASH = Decimal("12345678901234567890.000000000000000001")


def test_money_is_exact_in_the_database(database: Database) -> None:
    Ledger(database).open_account(CASH, NOON)

    assert Ledger(database).account({}, NOON).cash == CASH


def test_an_exception_rolls_everything_back(database: Database) -> None:
    with pytest.raises(KeyError), database.writing() as session:
        raise KeyError(session.execute(text("DELETE FROM alembic_version")).rowcount)  # type: ignore[attr-defined]

    assert behind(database) is None


def test_whoever_reads_sees_one_moment(database: Database) -> None:
    ledger = Ledger(database)
    ledger.open_account(Decimal(100), NOON)
    state = text("SELECT trading_state FROM account")
    with database.reading() as session:
        before = session.scalar(state)
        ledger.set_state(TradingState.HALTED, "meanwhile", "ann", NOON)
        assert session.scalar(state) == before == TradingState.ACTIVE
    with database.reading() as session:
        assert session.scalar(state) == TradingState.HALTED


def test_whoever_reads_changes_nothing(sqlite: Database, postgresql: Database) -> None:
    with sqlite.reading() as session:
        session.execute(text("DELETE FROM alembic_version"))
    assert behind(sqlite) is None
    with pytest.raises(Exception, match="read-only"), postgresql.reading() as session:
        session.execute(text("DELETE FROM alembic_version"))


@pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])
def test_only_what_must_survive_a_power_cut_waits_for_the_disk(
    sqlite: Database, postgresql: Database, durable: bool, synchronous: int
) -> None:
    with sqlite.writing(durable=durable) as session:
        assert session.scalar(text("PRAGMA synchronous")) == synchronous
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
    with postgresql.writing(durable=durable) as session:
        assert session.scalar(text("SHOW synchronous_commit")) == ("on" if durable else "off")


def test_before_an_order_is_sent_sqlite_waits_for_the_disk_once_with_its_claim(sqlite: Database) -> None:
    assert _waits_for_the_disk(sqlite, "PRAGMA synchronous") == [1, 1, 2], "the signal, the approval, the claim"


def test_postgresql_which_may_die_alone_waits_for_the_disk_with_each_step_to_an_order(postgresql: Database) -> None:
    assert _waits_for_the_disk(postgresql, "SHOW synchronous_commit") == ["on", "on", "on"]


def _waits_for_the_disk(database: Database, question: str) -> list[Any]:
    """What it answers in each commit from a signal to the claim of its order."""
    answers: list[Any] = []
    store = StoreUnderTest.over(rooms, database).opened()

    @event.listens_for(database.engine, "commit")
    def ask(connection: Connection) -> None:
        answers.append(connection.exec_driver_sql(question).scalar())

    order = store.entry()
    store.orders.claim(order.client_order_id, at=NOON, lease=LEASE)
    return answers


def test_a_child_of_a_fork_has_connections_of_its_own(database: Database) -> None:
    address = database.url.render_as_string(hide_password=False)
    process = FORKED.Process(target=forks, args=(address,))  # pytest itself has threads
    process.start()
    process.join()

    assert process.exitcode == 0
    signals = Signals(database)
    assert [signals.get(key).key for key in ("before", "child", "after")] == ["before", "child", "after"]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("no address at all", "no database address"),
        ("mysql://somebody@host/cdb", "no database that the farm knows"),
    ],
)
def test_an_address_that_is_none_is_told_with_examples(url: str, told: str) -> None:
    with pytest.raises(DatabaseError, match=told) as raised:
        Database(url)

    assert "postgresql://user:password@host/name" in raised.value.cure


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_is_spoken_to_through_psycopg_3(scheme: str) -> None:
    assert Database(f"{scheme}://cdb@db.example/cdb").engine.dialect.driver == "psycopg"


def test_a_file_is_made_with_its_folder(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new' / 'folder' / 'cdb.sqlite'}")
    migrate(database)

    assert behind(database) is None
    database.engine.dispose()


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DatabaseError, match="writable for this user"):
        Database(f"sqlite:///{tmp_path / 'file' / 'cdb.sqlite'}")


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "cdb.sqlite"
    path.write_text("this is a letter, not a database" * 100)

    with pytest.raises(DatabaseError, match="cannot be used"):
        behind(Database(f"sqlite:///{path}"))


def test_a_server_that_goes_away_is_told_and_found_again(postgresql: Database) -> None:
    signals = Signals(postgresql)
    signals.save(a_signal())
    end = text("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseError, match="does not answer"), postgresql.writing() as session:
        session.execute(end)

    assert signals.get("signal-1").key == "signal-1"


def test_who_waits_too_long_for_a_lock_is_told(postgresql: Database) -> None:
    Ledger(postgresql).open_account(Decimal(1), NOON)
    with postgresql.writing() as holder:
        holder.execute(text("SELECT 1 FROM account FOR UPDATE"))
        with pytest.raises(DatabaseError, match="busy with others"), postgresql.writing() as session:
            session.execute(text("SET LOCAL lock_timeout = '50ms'; SELECT 1 FROM account FOR UPDATE"))


def test_the_servers_own_options_are_kept(postgresql_url: str) -> None:
    url = make_url(postgresql_url).update_query_dict({"options": "-c work_mem=5MB"})
    database = Database(url.render_as_string(hide_password=False))

    with database.reading() as session:
        assert session.scalar(text("SHOW work_mem")) == "5MB"
        assert session.scalar(text("SHOW lock_timeout")) == "10s"
    database.engine.dispose()
