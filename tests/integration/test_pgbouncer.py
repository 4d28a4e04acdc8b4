"""The database behind a PgBouncer in transaction mode: what works there, and what says that it does not."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import URL, text

from app import wiring
from app.domain.backups import BackupError
from app.store import Database, DatabaseError, behind, migrate
from tests.fixtures.farm import configured
from tests.fixtures.pgbouncer import CONNECTIONS


def test_without_its_setting_the_cure_is_told(behind_pgbouncer: URL) -> None:
    database = Database(behind_pgbouncer.render_as_string(hide_password=False))

    with pytest.raises(DatabaseError, match=r"PgBouncer in transaction mode.*Set CDB_DATABASE_POOLED=true"):
        _asked(database, "SELECT 1")


def test_each_transaction_has_its_limits_though_it_is_another_connection(pooled: Database) -> None:
    for _ in range(3):
        for name, limit in {"lock_timeout": "10s", "statement_timeout": "1min"}.items():
            assert _asked(pooled, f"SHOW {name}") == limit


def test_no_limit_is_left_behind_for_whoever_has_the_connection_next(pooled: Database, postgresql: Database) -> None:
    _asked(pooled, "SELECT 1")

    with pooled.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar() == "0"


def test_a_snapshot_is_one_and_changes_nothing(pooled: Database) -> None:
    assert _asked(pooled, "SHOW transaction_isolation") == "repeatable read"
    assert _asked(pooled, "SHOW transaction_read_only") == "on"


def test_the_same_statement_again_and_again_by_more_than_there_are_connections(pooled: Database) -> None:
    """Beyond five times psycopg would prepare it, on a connection that is another's by then."""
    together = threading.Barrier(3 * CONNECTIONS)

    def work(number: int) -> int:
        together.wait()
        for at in range(20):
            with pooled.writing() as session:
                session.execute(text("UPDATE audit_head SET sequence = sequence WHERE id = 1"))
                assert (
                    session.execute(text("SELECT :number + :at"), {"number": number, "at": at}).scalar() == number + at
                )
        return number

    with ThreadPoolExecutor(3 * CONNECTIONS) as pool:
        assert sum(pool.map(work, range(3 * CONNECTIONS))) == sum(range(3 * CONNECTIONS))


def test_migrations_run_there_and_two_at_once_wait_for_each_other(pooled: Database) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: migrate(pooled), range(2)))

    assert behind(pooled) is None


def test_a_backup_is_not_made_through_it(
    behind_pgbouncer: URL, farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """pg_dump would leave an empty search_path on connections that others have afterwards."""
    url = behind_pgbouncer.render_as_string(hide_password=False)
    with (
        configured({**farm_settings, "CDB_DATABASE_URL": url, "CDB_DATABASE_POOLED": "true"}, monkeypatch),
        pytest.raises(BackupError, match="Name the server in CDB_DATABASE_URL here, without CDB_DATABASE_POOLED"),
    ):
        list(wiring.copies().used_by())


def test_it_counts_as_a_database_that_answers(
    behind_pgbouncer: URL, farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = behind_pgbouncer.render_as_string(hide_password=False)
    with configured({**farm_settings, "CDB_DATABASE_URL": url, "CDB_DATABASE_POOLED": "true"}, monkeypatch):
        assert wiring.needs_database() is None
        assert _asked(wiring.database(), "SELECT 1") == 1


def _asked(database: Database, question: str) -> object:
    with database.reading() as session:
        return session.execute(text(question)).scalar()
