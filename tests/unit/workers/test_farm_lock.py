"""One folder is for one farm: its lock, and the start and end of the farm around it."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from app import wiring
from app.store import DatabaseError
from tests.fixtures.farm import LIVE
from tests.fixtures.venue import ServedVenue
from workers import farm
from workers.farm import AlreadyRunning, Farm, held, is_held
from workers.ports import free_port
from workers.supervisor import CannotStart, Service


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def small_farm(data_dir: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A farm on a Redis that is there, of one service that sleeps."""
    monkeypatch.setenv("CDB_REDIS_URL", redis_url)
    monkeypatch.setenv("CDB_EXCHANGE_REST_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("CDB_EXCHANGE_WS_URL", "ws://127.0.0.1:1/ws")
    monkeypatch.setattr(farm, "farm_services", lambda settings, flower: [Service("one", ("sleep", "60"))])
    monkeypatch.setattr(wiring, "logging", lambda service: None)


def test_a_folder_is_held_as_long_as_its_farm_runs(tmp_path: Path) -> None:
    assert not is_held(tmp_path)

    with held(tmp_path):
        assert is_held(tmp_path)

    assert not is_held(tmp_path)


def test_the_second_farm_in_a_folder_is_told_who_has_it_and_what_to_do(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(AlreadyRunning) as refused, held(tmp_path):
        pytest.fail("two farms in one folder")

    assert str(refused.value).startswith(f"A farm (process {os.getpid()}) runs in {tmp_path}. Stop it, or give this")
    assert "CDB_DATA_DIR" in str(refused.value)


def test_the_lock_of_a_farm_that_was_killed_is_free(tmp_path: Path) -> None:
    (tmp_path / "farm.lock").write_text("99999999999")

    with held(tmp_path):
        assert (tmp_path / "farm.lock").read_text() == str(os.getpid())


def test_a_folder_that_cannot_be_written_is_told_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(CannotStart, match="cannot be used: Not a directory"),
        held(tmp_path / "file" / "x"),
    ):
        pytest.fail("a farm below a file")


async def test_a_farm_runs_until_its_work_is_done(small_farm: None, told: list[str]) -> None:
    one = Farm(flower=False)

    async def look(running: Farm) -> None:
        assert [kept.state for kept in running.kept] == ["ready"]
        assert is_held(running.settings.data_dir)

    await one.run(told.append, look)

    assert told == ["preparing the database", "starting workers, feed, beat", "stopping"]
    assert [kept.state for kept in one.kept] == ["down"]
    assert not is_held(one.settings.data_dir)


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_ends_it_cleanly(name: signal.Signals, small_farm: None, told: list[str]) -> None:
    one = Farm()

    async def forever(running: Farm) -> None:
        os.kill(os.getpid(), name)
        await asyncio.Event().wait()

    await one.run(told.append, forever)

    assert told[-2:] == ["starting workers, feed, beat and Flower", "stopping"]
    assert [kept.pid for kept in one.kept] == [None]


async def test_what_the_work_raises_is_its_callers_after_all_is_stopped(small_farm: None, told: list[str]) -> None:
    one = Farm()

    async def fails(running: Farm) -> None:
        raise CannotStart("10 ticks were lost")

    with pytest.raises(CannotStart, match="10 ticks were lost"):
        await one.run(told.append, fails)

    assert told[-1] == "stopping"
    assert [kept.pid for kept in one.kept] == [None]


async def test_a_stop_during_the_start_is_not_waited_for(
    small_farm: None, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Farm()

    async def never(pid: int) -> bool:
        one.ask_to_stop()
        return False

    async def unreached(running: Farm) -> None:
        pytest.fail("it was never up")

    monkeypatch.setattr(farm, "farm_services", lambda settings, flower: [Service("one", ("sleep", "60"), ready=never)])

    await one.run(told.append, unreached)

    assert [kept.pid for kept in one.kept] == [None]


async def test_a_database_that_cannot_be_used_ends_the_start_with_its_cure(
    small_farm: None, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(database: object) -> None:
        raise DatabaseError("The database is away", "Start it")

    async def unreached(running: Farm) -> None:
        pytest.fail("it was never up")

    monkeypatch.setattr(farm, "migrate", breaks)

    with pytest.raises(CannotStart, match="The database is away"):
        await Farm().run(told.append, unreached)


async def test_a_farm_with_real_money_does_not_start_on_what_paper_has_left(
    small_farm: None, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def up(running: Farm) -> None:
        assert running.kept

    async def unreached(running: Farm) -> None:
        pytest.fail("it was never up")

    await Farm(flower=False).run(told.append, up)
    for name, value in {**LIVE, "CDB_API_KEY": "key", "CDB_API_SECRET": "secret"}.items():
        monkeypatch.setenv(name, value)
    wiring.reset()

    with pytest.raises(
        CannotStart, match="is that of a farm in mode paper; in mode live its positions would be traded"
    ):
        await Farm(flower=False).run(told.append, unreached)


async def test_the_embedded_servers_come_first_each_after_the_other(
    small_farm: None, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CDB_REDIS_URL", "CDB_EXCHANGE_REST_URL", "CDB_EXCHANGE_WS_URL"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("CDB_REDIS_PORT", str(free_port()))
    monkeypatch.setattr(farm, "venue_service", lambda settings: Service("venue", ("sleep", "60")))
    seen: list[str] = []

    async def look(running: Farm) -> None:
        seen.extend(kept.service.name for kept in running.kept)

    wiring.reset()
    try:
        await Farm().run(told.append, look)
    finally:
        wiring.redis().close()

    assert seen == ["redis", "venue", "one"]
    assert told[:3] == ["starting Redis", "preparing the database", "starting the simulated MEXC"]


async def test_in_a_replay_the_farms_clock_is_the_venues(
    small_farm: None, told: list[str], venue: ServedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CDB_EXCHANGE_REST_URL", "CDB_EXCHANGE_WS_URL"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(farm, "venue_service", lambda settings: Service("venue", ("sleep", "60")))
    monkeypatch.setenv("CDB_CLOCK", "replay")
    monkeypatch.setenv("CDB_VENUE_PORT", str(venue.address.port))
    wiring.reset()

    async def look(running: Farm) -> None:
        assert wiring.stored_pace().read() == wiring.venue_control().pace()

    await Farm().run(told.append, look)
