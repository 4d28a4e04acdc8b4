"""The console while Redis, the database or both are away, and before there is anything."""

from pathlib import Path

import pytest

from app import wiring
from tests.fixtures.console import Visit, with_session
from tests.fixtures.databases import KINDS


@pytest.fixture
def no_redis(wired: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers where Redis should."""
    wiring.redis().close()
    monkeypatch.setenv("CDB_REDIS_URL", f"unix://{tmp_path / 'none.sock'}")
    wiring.database().engine.dispose()
    wiring.reset()


@pytest.fixture
def no_tables(wired: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that nobody has migrated."""
    wiring.database().engine.dispose()
    wiring.redis().close()
    monkeypatch.setenv("CDB_DATABASE_URL", f"sqlite:///{tmp_path / 'new.sqlite'}")
    wiring.reset()


@pytest.fixture
def no_server(wired: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers where PostgreSQL should; its password is a secret."""
    wiring.database().engine.dispose()
    wiring.redis().close()
    monkeypatch.setenv("CDB_DATABASE_URL", "postgresql://user:hidden-password@127.0.0.1:1/name")
    wiring.reset()


@pytest.mark.parametrize("farm_kind", KINDS, indirect=True)
async def test_without_redis_the_database_is_shown(visit: Visit, no_redis: None) -> None:
    seen = (await visit().get("/api/v1/status")).json()

    assert [told for told in seen["problems"] if told.startswith("Redis cannot be used")]
    assert (seen["queues"], seen["feed"], seen["counters"]) == (None, None, None)
    assert seen["totals"]["executions"] == 0


async def test_without_tables_it_says_how_to_make_them(visit: Visit, no_tables: None) -> None:
    browser = visit()
    seen = (await browser.get("/api/v1/status")).json()
    orders = await browser.get("/api/v1/orders")

    assert seen["problems"] == ["The database's tables are not those of this code. Run: cdb migrate"]
    assert (orders.status_code, orders.json()["cure"]) == (503, "Run: cdb migrate")


async def test_without_a_database_it_says_so_and_no_password(visit: Visit, no_server: None) -> None:
    browser = await with_session(visit())
    answers = [
        await browser.get("/api/v1/status"),
        await browser.get("/api/v1/orders/ABCDEF"),
        await browser.post("/api/v1/trading/halt", json={"reason": "x"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 503, 503]
    assert "does not answer" in answers[0].json()["problems"][0]
    assert not [answer.text for answer in answers if "hidden-password" in answer.text]


@pytest.mark.parametrize("path", ["/", "/market", "/orders", "/trades", "/farm", "/dead-letters"])
async def test_pages_are_there_all_the_same(visit: Visit, no_server: None, path: str) -> None:
    assert (await visit().get(path)).status_code == 200


async def test_redis_away_is_503_where_it_is_needed(visit: Visit, no_redis: None) -> None:
    answer = await visit().get("/api/v1/markets")

    assert (answer.status_code, answer.json()["cure"]) == (503, "`cdb doctor` tells what is wrong, and the cure.")
