"""What a replay refuses before it starts anything, and how it drives and tells."""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from app import figures, wiring
from app.cli import replay
from app.cli.codes import FAILED, WRONG
from app.cli.drive import FIRST_SPEED, LAG_MESSAGES, LAG_ROWS, TOP_SPEED, Drive
from app.cli.play import LOST_S, Play
from app.domain.market import Bar
from app.domain.recording import Summary
from app.store import Bars, Database
from tests.fixtures.hostile import own_environment, speaks_to_its_own_simulator_alone
from tests.fixtures.memory.builders import NOON
from tests.fixtures.typed import Typed
from workers import farm
from workers.supervisor import CannotStart

HEADER = "timestamp_ms,symbol,price,quantity,side\n"
GOOD = "1723075200000,BTC/USDT,55000.1,0.5,buy\n1723075200500,ETH/USDT,2400,1,sell\n"
BROKEN = "1723075200700,BTC/USDT,minus,0.5,buy\n"


NOTHING = Summary(10, 0, 0, {})


class StartsNothing:
    """In the place of a farm: ends at once, as one that was told to stop does."""

    def __init__(self, *, flower: bool = True) -> None:
        self.settings = wiring.settings()
        assert not flower

    async def run(self, tell: farm.Tell, once_up: object) -> None:
        tell(f"would start in {self.settings.data_dir}")


@pytest.fixture
def own_settings() -> Iterator[None]:
    """What a replay sets for its services is gone after the test."""
    with own_environment():
        yield


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


def test_help_says_how_fast_it_goes_at_most(typed: Typed) -> None:
    told = " ".join(typed("replay", "--help").out.replace("│", "").split())

    assert "Times as fast as recorded, up to 100, or max: as fast as signals and orders follow" in told
    assert "faster than 100 times, a signal would be too old before an order of it can be sent" in told


def test_a_wrong_bar_is_told_before_the_file_is_read(typed: Typed) -> None:
    ended = typed("replay", "none.csv", "--bar", "1y")

    assert ended.code == WRONG
    assert "'1y' is no interval" in ended.err


def test_pairs_that_the_account_cannot_pay_for_are_refused_before_anything_starts(typed: Typed, trades: Path) -> None:
    trades.write_text(HEADER + GOOD + "1723075200900,ETH/BTC,0.04,1,buy\n1723075200900,BTC/FDUSD,55000,1,buy\n")

    ended = typed("replay", str(trades))

    assert ended.code == WRONG
    problem = "trades.csv: it holds trades of BTC/FDUSD, ETH/BTC, and the account is kept in USDT"
    assert ended.err == f"{problem}; play a file of pairs that are quoted in it, such as BTC/USDT\n"


def test_rows_that_are_not_in_the_order_of_their_time_are_told_with_line_and_cure(
    typed: Typed, trades: Path, own_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "Farm", StartsNothing)
    trades.write_text(HEADER + GOOD + "1723075199000,BTC/USDT,55000.1,0.5,buy\n")

    refused, played = typed("replay", str(trades)), typed("replay", str(trades), "--skip-bad")

    assert refused.code == WRONG
    told = "trades.csv, line 4: its time is 1.000 s before that of a row of BTC/USDT above it"
    assert refused.err == f"{told}; sort the file by time; --skip-bad leaves out all such lines\n"
    assert f"left out: {told}" in played.out


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


def test_whatever_is_set_anywhere_a_replay_speaks_to_its_own_simulator_alone(
    hostile: str, typed: Typed, trades: Path, own_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "Farm", StartsNothing)

    ended = typed("replay", str(trades))

    assert "would start in" in ended.out
    speaks_to_its_own_simulator_alone()
    assert wiring.settings().embedded_redis
    assert wiring.settings().embedded_database
    assert wiring.settings().venue_file == trades
    assert wiring.settings().stop_loss == Decimal("0.07"), "it decides as the farm here does"


def test_a_replay_decides_as_the_farm_here_would(
    typed: Typed, trades: Path, tmp_path: Path, own_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "Farm", StartsNothing)
    monkeypatch.setenv("CDB_STRATEGY__MOMENTUM__FAST", "5")
    (tmp_path / ".env").write_text("CDB_STRATEGY__MOMENTUM__SLOW=20\nCDB_FLATTEN_ON_HALT=true\nCDB_SHARDS=3\n")
    (tmp_path / "cdb.toml").write_text(
        'strategies = ["momentum"]\ntake_profit = "none"\nsignal_ttl_s = 12.5\nvenue_balance = 500\n'
        '[risk.cooldown]\nlimit_s = 60\n[symbol."BTC/USDT"]\nstop_loss = 0.01\nenabled = false\n'
    )
    before = wiring.settings()

    typed("replay", str(trades))

    own = wiring.settings()
    assert own.data_dir != before.data_dir
    for name in (
        "strategies",
        "strategy",
        "risk",
        "symbol",
        "take_profit",
        "flatten_on_halt",
        "shards",
        "signal_ttl_s",
    ):
        assert str(getattr(own, name)) == str(getattr(before, name)), name
    assert own.venue_balance == 500
    assert own.for_symbol("BTC/USDT", "stop_loss") == Decimal("0.01")


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

    assert drive.next(0, 0) > FIRST_SPEED
    assert [drive.next(0, 0) for _ in range(20)][-1] == TOP_SPEED


@pytest.mark.parametrize(("rows", "messages"), [(LAG_ROWS, 0), (0, LAG_MESSAGES)])
def test_and_slower_while_ticks_or_bars_pile_up_but_never_slower_than_recorded(rows: int, messages: int) -> None:
    drive = Drive()

    assert drive.next(rows + 1, messages + 1) < FIRST_SPEED
    assert [drive.next(rows + more, messages + more) for more in range(2, 50)][-1] == 1.0


def test_and_keeps_its_pace_in_between_and_while_what_piled_up_becomes_less() -> None:
    drive = Drive()

    assert drive.next(LAG_ROWS // 2, 0) == FIRST_SPEED
    slower = drive.next(3 * LAG_ROWS, 0)
    assert drive.next(2 * LAG_ROWS, 0) == slower


def test_the_speed_is_a_number_or_none_for_max() -> None:
    assert replay._speed("max") is None
    assert replay._speed("2.5") == 2.5
    assert Decimal(str(replay._speed("100"))) == 100


def test_ticks_that_do_not_arrive_end_a_replay_with_a_cure(data_dir: Path) -> None:
    play = Play(Console(), NOTHING, 1.0)
    play.sent = 10

    assert not play._has_arrived(100.0)
    with pytest.raises(CannotStart, match="10 of 10 ticks were lost on their way"):
        play._has_arrived(100.0 + LOST_S + 1)


def test_before_its_first_look_a_replay_has_nothing_to_tell(data_dir: Path) -> None:
    told = Play(Console(), NOTHING, 1.0).plain(0)

    assert told == {"ticks_sent": 0, "ticks_processed": 0, "bad_rows": 0, "speed": 1.0}
