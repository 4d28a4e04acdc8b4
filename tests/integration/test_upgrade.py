"""During an upgrade old code meets the new schema, and new code the old one: it trades on, or says why it does not."""

from collections.abc import Callable
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text

from app import wiring
from app.domain.orders import OrderState
from app.store.listings import Wanted
from app.store.migrations import _config, behind
from tasks import orders, upkeep
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.databases import KINDS
from tests.fixtures.farm import approved
from tests.fixtures.typed import Typed
from tests.fixtures.venue import ServedVenue
from tests.fixtures.workers import log

pytestmark = pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
LATER = (  # as a migration of ours would: what is there stays as it is
    "ALTER TABLE orders ADD COLUMN note VARCHAR(20)",
    "CREATE TABLE later (id INTEGER PRIMARY KEY)",
    "CREATE INDEX later_of_orders ON orders (note)",
    "UPDATE alembic_version SET version_num = '9999_later'",
)


def at_the_schema_before() -> None:
    with wiring.database().migrating() as connection:
        command.downgrade(_config(connection), "-1")


def at_the_schema_of_tomorrow() -> None:
    with wiring.database().migrating() as connection:
        for statement in LATER:
            connection.execute(text(statement))


def filled(key: str) -> bool:
    name = approved(key)
    assert name is not None
    orders.place(name)
    orders.settle(name)
    return wiring.orders().get(name).state is OrderState.FILLED


def test_who_trades_goes_on_when_the_schema_becomes_a_newer_one(begun: ServedVenue) -> None:
    name = approved()
    assert name is not None
    orders.place(name)

    at_the_schema_of_tomorrow()
    orders.settle(name)
    upkeep.seal()
    upkeep.reconcile()

    assert wiring.orders().get(name).state is OrderState.FILLED
    assert [one.symbol for one in wiring.listings().open_trades()] == ["BTC/USDT"]


def test_an_order_that_was_approved_before_the_schema_changed_is_placed_after_it(begun: ServedVenue) -> None:
    name = approved()
    assert name is not None

    at_the_schema_of_tomorrow()
    orders.place(name)
    orders.settle(name)

    assert wiring.orders().get(name).state is OrderState.FILLED


def test_an_old_worker_that_starts_on_a_newer_schema_says_what_to_do(celery: Callable[..., Any]) -> None:
    at_the_schema_of_tomorrow()

    assert celery("worker", "-Q", "orders").wait(PATIENCE_S) == 1
    assert "The database is at 9999_later, which is newer than this code. Update the code" in log()


def test_a_new_worker_that_starts_on_the_old_schema_says_what_to_do(celery: Callable[..., Any]) -> None:
    at_the_schema_before()

    assert celery("worker", "-Q", "orders").wait(PATIENCE_S) == 1
    assert "Run: cdb migrate" in log()


def test_the_old_schema_is_brought_up_to_date_with_all_that_was_in_it(
    typed: Typed, begun: ServedVenue, farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert filled("BEFORE")
    at_the_schema_before()
    for name, value in farm_settings.items():
        monkeypatch.setenv(name, value)

    assert "Run: cdb migrate" in (behind(wiring.database()) or "")
    assert typed("migrate").code == 0
    assert typed("migrate").code == 0

    assert [one.state for one in wiring.listings().orders(Wanted()).rows] == [OrderState.FILLED]
