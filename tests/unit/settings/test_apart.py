"""What is left of the environment for a farm apart."""

import os
from collections.abc import Iterator

import pytest

from app.settings.apart import live_apart
from app.settings.reading import LOCATORS, load
from tests.fixtures.hostile import own_environment


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    """This process' environment is as before after the test."""
    with own_environment():
        yield


def left() -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if name.upper().startswith(("CDB_", "CELERY_"))}
    return {name: value for name, value in ours.items() if name not in LOCATORS and not name.startswith("CDB_TEST_")}


def test_only_its_own_settings_are_left() -> None:
    os.environ.update({"CDB_SHARDS": "3", "cdb_mode": "live", "CELERY_BROKER_URL": "redis://other/0"})

    live_apart({"CDB_VENUE_SEED": "5"})

    assert left() == {"CDB_VENUE_SEED": "5"}
    assert load().venue_seed == 5


def test_what_was_typed_for_it_stays_if_it_says_something() -> None:
    os.environ.update({"cdb_redis_url": "redis://mine/0", "CDB_DATABASE_URL": ""})

    live_apart({}, typed=["CDB_REDIS_URL", "CDB_DATABASE_URL"])

    assert left() == {"CDB_REDIS_URL": "redis://mine/0"}


def test_no_file_is_read_any_more_and_tests_keep_their_settings() -> None:
    os.environ["CDB_TEST_REQUIRE"] = "sqlite"

    live_apart({})

    assert {os.environ[name] for name in LOCATORS} == {os.devnull}
    assert os.environ["CDB_TEST_REQUIRE"] == "sqlite"


def test_how_another_farm_decides_is_taken_over_but_not_where_it_trades() -> None:
    live_apart({"CDB_EXCHANGE_REST_URL": "http://a:1", "CDB_EXCHANGE_WS_URL": "ws://a:1/ws", "CDB_STOP_LOSS": "none"})
    like = load()

    live_apart({"CDB_SHARDS": "1"}, like=like)

    assert left() == {"CDB_SHARDS": "1", "CDB_STOP_LOSS": "none"}
    assert load().stop_loss is None
