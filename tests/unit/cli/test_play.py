"""A recording on its way over a real venue, Redis and database; the test counts ticks in the place of a farm."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from app import wiring
from app.cli import play
from app.cli.play import Play
from app.store import Delay, Signals
from tests.fixtures.memory.builders import a_signal
from tests.fixtures.venue import served
from workers.farm import Farm
from workers.venue import VenueConfig

TRADES = """timestamp_ms,symbol,price,quantity,side
1723075200000,BTC/USDT,55000.1,0.5,buy
1723075200500,BTC/USDT,55000.2,0.5,sell
1723075201500,BTC/USDT,55000.3,0.5,sell
"""


@pytest.fixture
def farm(
    data_dir: Path, tmp_path: Path, redis_url: str, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Farm]:
    """The settings of a replay's farm, whose venue is there."""
    (tmp_path / "trades.csv").write_text(TRADES)
    monkeypatch.setenv("CDB_REDIS_URL", redis_url)
    monkeypatch.setenv("CDB_REDIS_PREFIX", f"{tmp_path.name}:")
    monkeypatch.setenv("CDB_DATABASE_URL", sqlite_url)
    monkeypatch.setattr(play, "LATENESS_MS", 0)
    monkeypatch.setattr(play, "SLACK_S", 0.0)
    monkeypatch.setattr(play, "LOOK_S", 0.05)
    with served(VenueConfig(market="replay", replay_file=tmp_path / "trades.csv", replay_lead_s=0.5)) as venue:
        monkeypatch.setenv("CDB_VENUE_PORT", str(venue.address.port))
        yield Farm(flower=False)


@pytest.fixture
def paper() -> StringIO:
    return StringIO()


async def test_a_recording_is_over_when_every_tick_came_through(farm: Farm, paper: StringIO) -> None:
    wiring.counters().add(ticks_processed=3)
    one = Play(Console(file=paper), 3, 10.0)

    await one.run(farm)

    assert one.is_over
    assert (one.sent, one.plain(0)["ticks_processed"], one.plain(0)["speed"]) == (3, 3, 10.0)
    rows = one.rows(2)
    assert (rows["ticks sent"], rows["ticks processed"], rows["bars"], rows["rows left out"]) == ("3", "3", "0", "2")
    assert rows["tick → order"] == "–"
    assert paper.getvalue() == ""


async def test_the_farms_clock_runs_as_fast_as_the_venues(farm: Farm, paper: StringIO) -> None:
    wiring.counters().add(ticks_processed=3)

    await Play(Console(file=paper), 3, 20.0).run(farm)

    pace = wiring.stored_pace().read()
    assert pace is not None
    assert pace.speed == 20.0


async def test_as_fast_as_possible_becomes_faster_on_the_way(farm: Farm, paper: StringIO) -> None:
    wiring.counters().add(ticks_processed=3)
    one = Play(Console(file=paper), 3, None)

    await one.run(farm)

    assert float(str(one.plain(0)["speed"])) > play.FIRST_SPEED


async def test_what_has_not_come_to_its_end_is_told(
    farm: Farm, paper: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play, "SETTLED_S", 0.1)
    wiring.counters().add(ticks_processed=3)
    Signals(wiring.database()).save(a_signal())

    await Play(Console(file=paper, width=200), 3, 100.0).run(farm)

    assert "Some signals or orders have not come to their end 0.1 s after the last tick" in paper.getvalue()


async def test_delays_are_told_in_the_time_that_a_person_lives_in(farm: Farm, paper: StringIO) -> None:
    wiring.counters().add(ticks_processed=3)
    one = Play(Console(file=paper), 3, 10.0)
    await one.run(farm)
    assert one.seen is not None
    object.__setattr__(one.seen.summary, "delay", Delay(1, 250.0, 250.0, 250.0))

    assert one.rows(0)["tick → order"] == "median 25 ms, worst 25 ms"
