"""What a replay refuses before it starts anything, and how it drives and tells."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from app import figures, wiring
from app.cli import replay
from app.cli.codes import FAILED, WRONG
from app.cli.play import FIRST_SPEED, LAG_ROWS, LOST_S, TOP_SPEED, Drive, Play
from app.domain.market import Bar
from app.store import Bars, Database
from tests.fixtures.memory.builders import NOON
from tests.fixtures.typed import Typed
from workers import farm
from workers.ports import NO_METRICS
from workers.supervisor import CannotStart

HEADER = "timestamp_ms,symbol,price,quantity,side\n"
GOOD = "1723075200000,BTC/USDT,55000.1,0.5,buy\n1723075200500,ETH/USDT,2400,1,sell\n"
BROKEN = "1723075200700,BTC/USDT,minus,0.5,buy\n"


class StartsNothing:
    """In the place of a farm: ends at once, as one that was told to stop does."""

    def __init__(self, *, flower: bool = True) -> None:
        self.settings = wiring.settings()
        assert not flower

    async def run(self, tell: farm.Tell, once_up: object) -> None:
        tell(f"would start in {self.settings.data_dir}")


@pytest.fixture
def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a replay sets for its services is gone after the test."""
    for name in [*os.environ, *OWN]:
        if name.startswith("CDB_") and name not in os.environ:
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)


OWN = (
    *("CDB_DATA_DIR", "CDB_REDIS_PREFIX", "CDB_REDIS_PORT", "CDB_EXCHANGE", "CDB_MODE", "CDB_SYMBOLS", "CDB_CLOCK"),
    *("CDB_BAR_INTERVALS", "CDB_LATENESS_MS", "CDB_VENUE_MARKET", "CDB_VENUE_FILE", "CDB_VENUE_PORT"),
    *NO_METRICS,
)


@pytest.fixture
def trades(tmp_path: Path) -> Path:
    path = tmp_path / "trades.csv"
    path.write_text(HEADER + GOOD)
    return path


@pytest.mark.parametrize("speed", ["fast", "0", "-1", "1000", "nan", "inf"])
def test_a_speed_that_is_none_is_wrong_usage(speed: str, typed: Typed, trades: Path) -> None:
    ended = typed("replay", str(trades), "--speed", speed)

    assert ended.code == WRONG
    assert f"'{speed}': write a number up to 100, or max" in ended.err


def test_a_bar_that_is_no_interval_is_wrong_usage(typed: Typed, trades: Path) -> None:
    ended = typed("replay", str(trades), "--bar", "1y")

    assert ended.code == WRONG
    assert "'1y' is no interval: write a number and s, m, h or d, such as 1m" in ended.err


def test_a_file_that_is_not_there_is_told_with_its_cure(typed: Typed) -> None:
    ended = typed("replay", "none.csv")

    assert ended.code == WRONG
    assert ended.err.startswith("none.csv: the file cannot be read (No such file or directory); check its name")


def test_a_broken_row_is_told_with_its_line_and_its_cure(typed: Typed, trades: Path) -> None:
    trades.write_text(HEADER + GOOD + BROKEN)

    ended = typed("replay", str(trades))

    assert ended.code == WRONG
    assert ended.err.startswith("trades.csv, line 4: not a number in '1723075200700,BTC/USDT,minus,0.5,buy'; correct")
    assert ended.err.endswith("--skip-bad leaves out all such lines\n")


def test_broken_rows_can_be_left_out_and_are_named(
    typed: Typed, trades: Path, own_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "Farm", StartsNothing)
    trades.write_text(HEADER + GOOD + BROKEN * 7)

    ended = typed("replay", str(trades), "--skip-bad")

    assert ended.out.count("left out: trades.csv") == 5
    assert "2 more" in ended.out
    assert ended.code == FAILED


def test_a_file_without_any_trade_is_refused_even_then(typed: Typed, trades: Path) -> None:
    trades.write_text(HEADER + BROKEN)

    ended = typed("replay", str(trades), "--skip-bad")

    assert ended.code == WRONG
    assert "it holds no trade" in ended.err


def test_a_farm_of_its_own_disturbs_no_other(
    typed: Typed, trades: Path, data_dir: Path, own_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "Farm", StartsNothing)
    monkeypatch.setenv("CDB_EXCHANGE", "mexc")
    monkeypatch.setenv("CDB_EXCHANGE_REST_URL", "https://proxy.example")
    before = wiring.settings()

    typed("replay", str(trades), "--bar", "1m")

    own = wiring.settings()
    assert own.data_dir.parent == data_dir / "replays"
    assert own.data_dir.name.startswith("trades-")
    assert (own.exchange, own.mode, own.clock) == ("simulated", "paper", "replay")
    assert (own.symbols, own.bar_intervals) == (("BTC/USDT", "ETH/USDT"), ("1m",))
    assert own.venue_port != before.venue_port
    assert own.rest_url == own.venue_url
    assert own.venue_file == trades


def test_a_replay_that_was_stopped_before_its_first_tick_has_failed(
    typed: Typed, trades: Path, own_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "Farm", StartsNothing)

    assert typed("replay", str(trades), "--json").code == FAILED


@pytest.fixture
def plays(redis_url: str, sqlite_url: str, own_settings: None, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The farm is one on which a recording was played."""

    class Plays(StartsNothing):
        async def run(self, tell: farm.Tell, once_up: Any) -> None:
            play: Play = once_up.__self__
            play.seen, play.sent, play.is_over = figures.read(), 2, True

    monkeypatch.setattr(replay, "Farm", Plays)
    monkeypatch.setenv("CDB_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("CDB_REDIS_URL", redis_url)


def test_what_came_of_it_is_a_table(typed: Typed, trades: Path, plays: None) -> None:
    ended = typed("replay", str(trades), "--speed", "5")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[0].strip() == "Replay of trades.csv"
    assert ["ticks", "sent", "2"] in [line.split() for line in ended.out.splitlines()]
    assert "profit and loss" in ended.out


def test_or_json(typed: Typed, trades: Path, plays: None) -> None:
    trades.write_text(HEADER + GOOD + BROKEN)

    ended = typed("replay", str(trades), "--speed", "5", "--skip-bad", "--json")

    assert ended.code == 0
    assert (ended.plain["ticks_sent"], ended.plain["bad_rows"], ended.plain["speed"]) == (2, 1, 5.0)


def test_a_service_that_does_not_come_up_is_told(
    typed: Typed, trades: Path, own_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fails(StartsNothing):
        async def run(self, tell: farm.Tell, once_up: object) -> None:
            raise CannotStart("The service venue ended 3 times while it started")

    monkeypatch.setattr(replay, "Farm", Fails)

    ended = typed("replay", str(trades))

    assert ended.code == FAILED
    assert ended.err == "The service venue ended 3 times while it started\n"


def test_a_database_that_is_in_use_is_refused(
    typed: Typed, trades: Path, sqlite: Database, own_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Bars(sqlite).save([Bar("BTC/USDT", "1m", NOON, 1.0, 1.0, 1.0, 1.0, 1.0, 1)])
    monkeypatch.setenv("CDB_DATABASE_URL", sqlite.url.render_as_string())

    ended = typed("replay", str(trades))

    assert ended.code == WRONG
    assert "holds bars or orders already" in ended.err
    assert "Give the replay an empty database" in ended.err


def test_on_a_server_that_others_use_it_leaves_no_key_behind(
    typed: Typed, trades: Path, sqlite_url: str, redis_url: str, own_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Writes(StartsNothing):
        async def run(self, tell: farm.Tell, once_up: object) -> None:
            wiring.counters().add(ticks_processed=1)

    monkeypatch.setattr(replay, "Farm", Writes)
    monkeypatch.setenv("CDB_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("CDB_REDIS_URL", redis_url)
    monkeypatch.setenv("CDB_REDIS_PREFIX", "mine:")

    typed("replay", str(trades))

    assert wiring.settings().redis_prefix == f"mine:replay-{os.getpid()}:"
    assert wiring.counters().all() == {}


def test_as_fast_as_possible_is_faster_while_nothing_waits() -> None:
    drive = Drive()

    assert drive.next(0) == FIRST_SPEED * 1.5
    assert [drive.next(0) for _ in range(20)][-1] == TOP_SPEED


def test_and_slower_when_ticks_pile_up_but_never_slower_than_recorded() -> None:
    drive = Drive()

    assert drive.next(LAG_ROWS + 1) == FIRST_SPEED * 0.9
    assert [drive.next(LAG_ROWS + 1) for _ in range(50)][-1] == 1.0


def test_and_keeps_its_pace_in_between() -> None:
    assert Drive().next(LAG_ROWS // 2) == FIRST_SPEED


def test_the_speed_is_a_number_or_none_for_max() -> None:
    assert replay._speed("max") is None
    assert replay._speed("2.5") == 2.5
    assert Decimal(str(replay._speed("100"))) == 100


def test_ticks_that_do_not_arrive_end_a_replay_with_a_cure(data_dir: Path) -> None:
    play = Play(Console(), 10, 1.0)
    play.sent = 10

    assert not play._has_arrived(100.0)
    with pytest.raises(CannotStart, match="10 of 10 ticks were lost on their way"):
        play._has_arrived(100.0 + LOST_S + 1)


def test_before_its_first_look_a_replay_has_nothing_to_tell(data_dir: Path) -> None:
    assert Play(Console(), 10, 1.0).plain(0) == {"ticks_sent": 0, "ticks_processed": 0, "bad_rows": 0, "speed": 1.0}
