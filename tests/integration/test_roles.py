"""PostgreSQL's roles of deploy/postgresql/roles.sql: the farm trades as one that could not spoil its own records."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text

from app import wiring
from app.domain.orders import OrderState
from app.store import Database, DatabaseError, migrate
from tasks import orders, upkeep
from tests.fixtures.databases import QUICK, created, running, short_folder
from tests.fixtures.farm import approved
from tests.fixtures.typed import Typed
from tests.fixtures.venue import ServedVenue
from workers.own_postgresql import PostgreSQL

SCRIPT = Path(__file__).parents[2] / "deploy" / "postgresql" / "roles.sql"


@pytest.fixture(scope="module")
def server(postgresql_installed: None) -> Iterator[str]:
    """Roles are the whole server's: this one is nobody else's."""
    with short_folder() as folder:
        made = PostgreSQL(folder, *QUICK)
        made.prepare()
        with running(made, folder):
            yield made.url


@pytest.fixture
def as_role(server: str) -> Iterator[Callable[[str], str]]:
    """The address of a migrated database for one of the roles."""
    for url in created(server, "template0"):
        database = Database(url)
        migrate(database)
        database.engine.dispose()
        plain = url.replace("postgresql+psycopg:", "postgresql:")
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(SCRIPT.read_text())
            connection.execute(SCRIPT.read_text())
        yield partial(_for, url)


def _for(url: str, role: str) -> str:
    return make_url(url).set(username=role).render_as_string(hide_password=False)


@pytest.fixture
def farm_settings(farm_settings: dict[str, str], as_role: Callable[[str], str]) -> dict[str, str]:
    return {**farm_settings, "CDB_DATABASE_URL": as_role("cdb_farm")}


def told(url: str, statement: str) -> object:
    database = Database(url)
    try:
        with database.writing() as session:
            found = session.connection().execute(text(statement))
            return found.scalar() if found.returns_rows else None
    finally:
        database.engine.dispose()


def test_the_farm_trades_keeps_ticks_and_seals_with_its_own_role(begun: ServedVenue) -> None:
    name = approved()
    assert name is not None
    orders.place(name)
    orders.settle(name)
    assert wiring.orders().get(name).state is OrderState.FILLED

    upkeep.retain()
    upkeep.seal()
    upkeep.mark_equity()
    upkeep.reconcile()

    assert told(wiring.settings().database_url, "SELECT count(*) FROM pg_tables WHERE tablename ~ 'market_data_2'")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audits",
        "DELETE FROM executions",
        "DELETE FROM orders",
        "DROP TABLE orders",
        "TRUNCATE audits",
        "ALTER TABLE audits ADD COLUMN note text",
    ],
)
def test_the_farm_cannot_remove_what_it_has_written_down(as_role: Callable[[str], str], statement: str) -> None:
    with pytest.raises(DatabaseError, match=r"may not do this.*roles\.sql"):
        told(as_role("cdb_farm"), statement)


def test_who_looks_reads_all_and_changes_nothing(as_role: Callable[[str], str]) -> None:
    assert told(as_role("cdb_reader"), "SELECT count(*) FROM audits") == 0
    with pytest.raises(DatabaseError, match="may not do this"):
        told(as_role("cdb_reader"), "UPDATE orders SET price = 1")


def test_the_owner_migrates(as_role: Callable[[str], str]) -> None:
    told(as_role("cdb_owner"), "ALTER TABLE market_data ADD COLUMN note text")
    told(as_role("cdb_owner"), "CREATE TABLE later (id int)")

    assert told(as_role("cdb_farm"), "INSERT INTO later VALUES (1) RETURNING id") == 1
    assert told(as_role("cdb_reader"), "SELECT id FROM later") == 1
    with pytest.raises(DatabaseError, match="may not do this"):
        told(as_role("cdb_farm"), "DELETE FROM later")


def test_a_backup_needs_no_more_than_the_farm_has(
    typed: Typed, begun: ServedVenue, farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in farm_settings.items():
        monkeypatch.setenv(name, value)

    assert typed("backup").code == 0


def test_a_user_that_is_not_there_is_told_as_such(as_role: Callable[[str], str]) -> None:
    database = Database(as_role("cdb_nobody"))

    with pytest.raises(DatabaseError, match=r"does not let us in.*cdb_nobody.*Correct the user"), database.connecting():
        pass
    database.engine.dispose()
