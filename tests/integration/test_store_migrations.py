"""The schema: one line of migrations for both databases, that says what the models say."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from celery.backends.database.models import TaskExtended
from sqlalchemy import Connection, create_engine, inspect, make_url, text

from app import store as rooms
from app.domain.orders import OrderState
from app.store import Database, DatabaseError, behind, keep_ticks, migrate
from tests.contracts.stores import StoreUnderTest
from tests.fixtures._contenders import migrates
from tests.fixtures._forks import FORKED
from tests.fixtures.memory.builders import NOON

ROOT = Path(__file__).parents[2]
OURS = {"market_data", "bars", "trading_signals", "trades", "orders", "executions", "risk_events", "audits"}


def config(connection: Connection) -> Config:
    found = Config(str(ROOT / "alembic.ini"))
    found.attributes["connection"] = connection
    return found


def test_a_migrated_database_is_not_behind(database_url: str) -> None:
    database = Database(database_url)

    assert behind(database) == "The database has no tables yet. Run: cdb migrate"
    migrate(database)

    assert behind(database) is None
    database.engine.dispose()


def test_migrating_twice_is_migrating_once(database: Database) -> None:
    migrate(database)

    assert behind(database) is None


def test_the_migrations_say_what_the_models_say(own_database: Database) -> None:
    keep_ticks(own_database, NOON, retention_days=7)
    with own_database.migrating() as connection:
        command.check(config(connection))


def test_the_schema_can_be_taken_down_and_put_up_again(own_database: Database) -> None:
    with own_database.migrating() as connection:
        command.downgrade(config(connection), "base")
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
        command.upgrade(config(connection), "head")

    assert behind(own_database) is None
    assert set(inspect(own_database.engine).get_table_names()) >= OURS


def test_a_trade_that_had_an_exit_before_wishes_were_kept_is_to_be_left(own_database: Database) -> None:
    store = StoreUnderTest.over(rooms, own_database)
    trade_id = store.opened().holding("one").trade_id
    store.holding("two", symbol="ETH/USDT")
    for key in ("first", "second"):
        store.settled(store.sent(store.exit(trade_id, key)), OrderState.CANCELLED)
    with own_database.migrating() as connection:
        command.downgrade(config(connection), "0006")
        command.upgrade(config(connection), "head")

    wishes = {level.symbol: level.wish for level in store.trades.levels()}

    assert wishes == {"BTC/USDT": store.signals.get("first"), "ETH/USDT": None}


def test_two_processes_may_migrate_at_once(database_url: str) -> None:
    both = [FORKED.Process(target=migrates, args=(database_url,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()

    assert [process.exitcode for process in both] == [0, 0]
    database = Database(database_url)
    assert behind(database) is None
    database.engine.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(database_url: str) -> None:
    database = Database(database_url)
    with database.migrating() as connection:
        connection.execute(text("CREATE TABLE celery_tasksetmeta (id INTEGER)"))  # the last that the migration makes

    with pytest.raises(Exception, match="already exists"):
        migrate(database)

    assert set(inspect(database.engine).get_table_names()) <= {"celery_tasksetmeta", "alembic_version"}
    database.engine.dispose()


def test_a_schema_of_newer_code_is_told_from_an_old_one(own_database: Database) -> None:
    with own_database.migrating() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    assert behind(own_database) == "The database is at 9999, which is newer than this code. Update the code"


def test_reading_before_the_tables_are_there_names_the_cure(database_url: str) -> None:
    database = Database(database_url)

    with pytest.raises(DatabaseError, match="Run: cdb migrate"), database.reading() as session:
        session.execute(text("SELECT * FROM account"))
    database.engine.dispose()


def test_celerys_tables_have_the_shape_of_its_own(database: Database, tmp_path: Path) -> None:
    """Celery's models make a second database of their own; ours must look the same to it."""
    theirs = create_engine(f"sqlite:///{tmp_path / 'celery.sqlite'}")
    TaskExtended.__table__.metadata.create_all(theirs)
    for table in ("celery_taskmeta", "celery_tasksetmeta"):
        wanted = {one["name"] for one in inspect(theirs).get_columns(table)}
        names = [one["name"] for one in inspect(database.engine).get_columns(table)]
        indices = {tuple(one["column_names"]) for one in inspect(database.engine).get_indexes(table)}

        assert set(names) == wanted
        assert {tuple(one["column_names"]) for one in inspect(theirs).get_indexes(table)} <= indices
    theirs.dispose()


def test_celery_can_keep_a_result_in_them(own_database: Database) -> None:
    with own_database.migrating() as connection:
        task_id = TaskExtended.__table__.c.task_id
        connection.execute(TaskExtended.__table__.insert().values(task_id="one", status="SUCCESS"))
        found = connection.execute(TaskExtended.__table__.select().where(task_id == "one")).one()

    assert found.status == "SUCCESS"


def test_alembic_itself_does_what_the_farm_does(database_url: str, tmp_path: Path) -> None:
    environment = {**os.environ, "CDB_DATABASE_URL": database_url, "CDB_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    database = Database(database_url)
    assert behind(database) is None
    database.engine.dispose()


def test_alembic_can_write_the_statements_down_instead(database_url: str, tmp_path: Path) -> None:
    environment = {**os.environ, "CDB_DATABASE_URL": database_url, "CDB_DATA_DIR": str(tmp_path)}
    command_line = [sys.executable, "-m", "alembic", "upgrade", "head", "--sql"]
    done = subprocess.run(command_line, cwd=ROOT, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "CREATE TABLE trading_signals" in done.stdout


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    database = Database(f"postgresql://someone:secret@/cdb?host={tmp_path}")

    with pytest.raises(DatabaseError, match="does not answer") as raised:
        behind(database)

    assert "secret" not in str(raised.value)
    assert "CDB_DATABASE_URL" in raised.value.cure


def test_ticks_of_the_next_days_have_their_partitions(own_postgresql: Database) -> None:
    keep_ticks(own_postgresql, NOON, retention_days=7)
    keep_ticks(own_postgresql, NOON + timedelta(days=1), retention_days=7)

    with own_postgresql.reading() as session:
        names = set(session.scalars(text("SELECT relname FROM pg_class WHERE relname ~ '^market_data_[0-9]+$'")))

    assert names == {f"market_data_202411{day}" for day in range(20, 25)}


def test_the_address_of_the_test_is_no_secret_server(postgresql_server: str) -> None:
    assert make_url(postgresql_server).port != 5432 or "CDB_TEST_POSTGRESQL_URL" in os.environ
