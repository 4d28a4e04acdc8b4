"""A recording on its way over a real venue, Redis and database; the test counts ticks and keeps bars for the farm."""

from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from app import figures, wiring
from app.cli import asking, ending, play
from app.cli.drive import FIRST_SPEED
from app.cli.play import Play
from app.domain.errors import Unavailable
from app.domain.market import Bar, microseconds
from app.domain.pace import Pace
from app.domain.recording import Summary, summary
from app.exchanges import simulated
from app.store import Delay, Signals
from tests.fixtures.memory.builders import a_signal
from tests.fixtures.venue import served
from workers.farm import Farm
from workers.supervisor import CannotStart
from workers.venue import VenueConfig

TRADES = """timestamp_ms,symbol,price,quantity,side
1723075200000,BTC/USDT,55000.1,0.5,buy
1723075200500,BTC/USDT,55000.2,0.5,sell
1723075201500,BTC/USDT,55000.3,0.5,sell
"""
LAST_BAR = datetime(2024, 8, 8, 0, 0, 2, tzinfo=UTC)


@pytest.fixture
def farm(
    data_dir: Path, tmp_path: Path, redis_url: str, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Farm]:
    """The settings of a replay's farm, whose venue is there."""
    (tmp_path / "trades.csv").write_text(TRADES)
    monkeypatch.setenv("CDB_REDIS_URL", redis_url)
    monkeypatch.setenv("CDB_REDIS_PREFIX", f"{tmp_path.name}:")
    monkeypatch.setenv("CDB_DATABASE_URL", sqlite_url)
    monkeypatch.setattr(play, "LOOK_S", 0.05)
    monkeypatch.setattr(ending, "LOOK_S", 0.05)
    monkeypatch.setattr(asking, "PAUSE_S", 0.05)
    with served(VenueConfig(market="replay", replay_file=tmp_path / "trades.csv")) as venue:
        monkeypatch.setenv("CDB_VENUE_PORT", str(venue.address.port))
        one = Farm(flower=False)
        wiring.counters().add(ticks_processed=3)
        wiring.bars().save([a_bar("1s", LAST_BAR)])
        yield one


@pytest.fixture
def recorded(tmp_path: Path) -> Summary:
    (tmp_path / "trades.csv").write_text(TRADES)
    return summary(tmp_path / "trades.csv")


def a_bar(interval: str, end: datetime) -> Bar:
    return Bar("BTC/USDT", interval, end, 1.0, 1.0, 1.0, 1.0, 1.0, 1)


@pytest.fixture
def paper() -> StringIO:
    return StringIO()


async def test_a_recording_is_over_when_every_tick_came_through(farm: Farm, recorded: Summary, paper: StringIO) -> None:
    one = Play(Console(file=paper), recorded, 10.0)

    await one.run(farm)

    assert one.is_over
    assert (one.sent, one.plain(0)["ticks_processed"], one.plain(0)["speed"]) == (3, 3, 10.0)
    rows = one.rows(2)
    assert (rows["ticks sent"], rows["ticks processed"], rows["bars"], rows["rows left out"]) == ("3", "3", "1", "2")
    assert rows["tick → order"] == "–"
    assert paper.getvalue() == ""


async def test_the_farms_clock_runs_as_fast_as_the_venues(farm: Farm, recorded: Summary, paper: StringIO) -> None:

    await Play(Console(file=paper), recorded, 20.0).run(farm)

    pace = wiring.stored_pace().read()
    assert pace is not None
    assert pace.speed == 20.0


async def test_as_fast_as_possible_becomes_faster_on_the_way(farm: Farm, recorded: Summary, paper: StringIO) -> None:
    one = Play(Console(file=paper), recorded, None)

    await one.run(farm)

    pace = wiring.stored_pace().read()
    assert pace is not None
    assert pace.speed > FIRST_SPEED
    assert 0 < float(str(one.plain(0)["speed"])) < 1.5 / 0.3, "1.5 s of market took longer than a change of the clock"


@pytest.mark.parametrize(
    ("interval", "end"),
    [("1h", datetime(2024, 8, 8, 1, tzinfo=UTC)), ("1d", datetime(2024, 8, 9, tzinfo=UTC))],
)
async def test_the_end_of_long_bars_is_not_waited_for_but_gone_to(
    farm: Farm, recorded: Summary, paper: StringIO, monkeypatch: pytest.MonkeyPatch, interval: str, end: datetime
) -> None:
    object.__setattr__(farm.settings, "bar_intervals", ("1s", interval))
    closes = ending.are_closed

    def closed_by_its_clock(bars: ending.LastBars) -> bool:
        if wiring.venue_control().status()["time_us"] >= microseconds(end):
            wiring.bars().save([a_bar(interval, end)])
        return closes(bars)

    monkeypatch.setattr(ending, "are_closed", closed_by_its_clock)

    await Play(Console(file=paper), recorded, 1.0).run(farm)

    pace = wiring.stored_pace().read()
    assert pace is not None
    assert pace.venue_us == microseconds(end)
    assert paper.getvalue() == ""


async def test_nothing_is_skipped_while_something_is_under_way(
    farm: Farm, recorded: Summary, paper: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was signed by the clock as it runs would be late after it."""
    looks: list[bool] = []
    at_skip: list[list[bool]] = []
    skip = simulated.Control.skip

    def decided_at_last() -> bool:
        looks.append(len(looks) >= 3)
        return looks[-1]

    def noted(self: simulated.Control, to_us: int) -> Pace:
        at_skip.append(list(looks))
        return skip(self, to_us)

    monkeypatch.setattr(wiring.reports(), "at_rest", decided_at_last)
    monkeypatch.setattr(simulated.Control, "skip", noted)

    await Play(Console(file=paper), recorded, 100.0).run(farm)

    assert at_skip == [[False, False, False, True, True]]
    assert looks[5:] == [True, True], "and what came of the last bars ends too"


async def test_what_has_not_come_to_its_end_is_told(
    farm: Farm, recorded: Summary, paper: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "STILL_S", 0.1)
    Signals(wiring.database()).save(a_signal())
    object.__setattr__(farm.settings, "bar_intervals", ("1s", "1m"))  # and nobody closes bars of a minute

    await Play(Console(file=paper, width=200), recorded, 100.0).run(farm)

    assert "Some signals or orders have not come to their end, and nothing has moved for 0.1 s" in paper.getvalue()
    assert "Some of the last bars have not closed, and nothing has moved for 0.1 s" in paper.getvalue()


async def test_a_farm_that_still_works_is_waited_for(
    farm: Farm, recorded: Summary, paper: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = f"{farm.settings.redis_prefix}signals"
    wiring.redis().rpush(queue, *range(9))
    read, seconds = figures.read, iter(range(0, 10_000, 10))

    def read_and_worked() -> figures.Figures:
        wiring.redis().lpop(queue)
        return read()

    monkeypatch.setattr(figures, "read", read_and_worked)
    monkeypatch.setattr(ending, "monotonic", lambda: next(seconds))

    await ending.Ending(Console(file=paper), recorded, ("1s",))._rest()

    assert paper.getvalue() == ""


async def test_a_venue_that_is_busy_is_asked_again(
    farm: Farm, recorded: Summary, paper: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubles = iter(range(2))
    status = simulated.Control.status

    def busy(self: simulated.Control) -> dict[str, object]:
        if next(troubles, None) is not None:
            raise Unavailable("timed out")
        return status(self)

    monkeypatch.setattr(simulated.Control, "status", busy)
    one = Play(Console(file=paper), recorded, 50.0)

    await one.run(farm)

    assert one.is_over


async def test_but_not_for_ever(
    farm: Farm, recorded: Summary, paper: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: simulated.Control) -> dict[str, object]:
        raise Unavailable("nobody there")

    monkeypatch.setattr(asking, "PATIENCE_S", 0.1)
    monkeypatch.setattr(simulated.Control, "status", gone)

    with pytest.raises(Unavailable, match="nobody there"):
        await Play(Console(file=paper), recorded, 50.0).run(farm)


async def test_a_venue_that_began_anew_ends_the_replay_with_a_cure(
    farm: Farm, recorded: Summary, paper: StringIO
) -> None:
    with pytest.raises(CannotStart, match=r"began anew. See venue.log in .*, and start the replay again"):
        await Play(Console(file=paper), recorded, 50.0)._is_played()


async def test_delays_are_told_in_the_time_that_a_person_lives_in(
    farm: Farm, recorded: Summary, paper: StringIO
) -> None:
    one = Play(Console(file=paper), recorded, 10.0)
    await one.run(farm)
    assert one.seen is not None
    object.__setattr__(one.seen.summary, "delay", Delay(1, 250.0, 250.0, 250.0))

    assert one.rows(0)["tick → order"] == "median 25 ms, worst 25 ms"
