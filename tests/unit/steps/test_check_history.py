"""A history that has ceased though its market goes on is told and filled; a quiet market is no alarm."""

from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from app.domain.errors import RateLimited, Refused
from app.domain.market import Bar, Tick, microseconds
from app.steps.check_history import check_history
from app.steps.history_alarm import Alarm
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import BTC, NOON, some_bars

ETH = "ETH/USDT"
MINUTE = timedelta(minutes=1)


class Checking:
    """The step with its memory; `at` is the venue's time."""

    def __init__(self, farm: MemoryFarm) -> None:
        self.farm = farm
        self.quiet: dict[tuple[str, str], datetime] = {}
        self.asked = {(BTC, "1m"), (ETH, "1m")}
        self.changed: list[tuple[str, str]] = []

    def __call__(self, at: datetime, *symbols: str, limit: int = 20) -> int:
        return check_history(
            market=self.farm.market,
            bars=self.farm.bars,
            alarm=Alarm(self.farm.outdated, self.farm.audits, at),
            symbols=symbols or (BTC,),
            intervals=("1m",),
            size=10,
            asked=self.asked,
            quiet=self.quiet,
            window_changed=lambda symbol, interval: self.changed.append((symbol, interval)),
            limit=limit,
        )

    def traded(self, at: datetime, symbol: str = BTC) -> None:
        self.farm.market.printed.append(Tick(symbol, microseconds(at), 100.0, 1.0, "buy"))

    @property
    def audited(self) -> list[str]:
        return [event for event, _ in self.farm.tables.audits if event == "history.outdated"]


@pytest.fixture
def check(memory: MemoryFarm) -> Checking:
    memory.bars.save(some_bars(10))  # the last of which ends at noon
    return Checking(memory)


def test_a_symbol_that_makes_bars_is_not_asked_for(check: Checking) -> None:
    assert check(NOON + 3 * MINUTE - timedelta(seconds=1)) == 0

    assert check.farm.market.asked == []
    assert check.farm.outdated.told == {}


def test_bars_that_nobody_heard_are_told_and_come_from_the_venue(check: Checking) -> None:
    check.farm.market.past = some_bars(30, until=NOON + 20 * MINUTE)
    at = NOON + 5 * MINUTE + timedelta(seconds=10)

    with capture_logs() as logs:
        assert check(at) == 4

    (line,) = logs
    assert (line["event"], line["log_level"]) == ("history is outdated", "warning")
    assert (line["symbol"], line["interval"], line["age_s"]) == (BTC, "1m", 310)
    assert check.changed == [(BTC, "1m")]
    assert check.farm.bars.window(BTC, "1m", at, 1)[0].end == NOON + 4 * MINUTE
    assert check.audited == ["history.outdated"]
    assert list(check.farm.outdated.told) == ["BTC/USDT 1m"]


def test_an_episode_is_told_once_and_ends_with_the_first_bar_that_comes_by_itself(check: Checking) -> None:
    check.farm.market.past = some_bars(60, until=NOON + 50 * MINUTE)
    for minutes in range(3, 30):
        check(NOON + minutes * MINUTE)
    assert check.audited == ["history.outdated"]
    assert list(check.farm.outdated.told) == ["BTC/USDT 1m"]

    check.farm.bars.save(some_bars(1, until=NOON + 30 * MINUTE))
    with capture_logs() as logs:
        check(NOON + 30 * MINUTE)

    assert [line["event"] for line in logs] == ["history is up to date again"]
    assert check.farm.outdated.told == {}
    check(NOON + 40 * MINUTE)
    assert check.audited == ["history.outdated"] * 2


def test_klines_that_end_too_early_are_told_as_the_venues_fault_and_asked_for_again(check: Checking) -> None:
    check.traded(NOON + 2 * MINUTE)

    for seconds in (0, 10, 20):
        assert check(NOON + 5 * MINUTE + timedelta(seconds=seconds)) == 0

    assert len(check.farm.market.asked) == 3
    assert check.audited == ["history.outdated"]
    assert "the venue's own klines" in check.farm.outdated.told["BTC/USDT 1m"].reason


def test_a_market_that_does_not_trade_is_no_alarm_and_is_looked_at_ever_more_rarely(check: Checking) -> None:
    looks = []
    for minutes in range(100):
        before = len(check.farm.market.asked)
        assert check(NOON + minutes * MINUTE) == 0
        looks += [minutes] * (len(check.farm.market.asked) - before)

    assert looks == [3, 6, 12, 23, 34, 45, 56, 67, 78, 89]
    assert check.audited == []
    assert check.farm.outdated.told == {}


def test_a_told_history_whose_market_has_come_to_rest_is_complete(check: Checking) -> None:
    check.farm.market.past = some_bars(10, until=NOON + 2 * MINUTE)
    assert check(NOON + 5 * MINUTE) == 2
    assert check(NOON + 6 * MINUTE) == 0

    assert check.farm.outdated.told == {}


def test_a_symbol_without_any_bar_is_looked_for_in_the_last_window(check: Checking) -> None:
    check.traded(NOON, ETH)

    check(NOON + 5 * MINUTE, ETH)

    assert check.farm.market.asked == [(ETH, "1m", NOON - 6 * MINUTE, NOON + 4 * MINUTE)]
    assert list(check.farm.outdated.told) == ["ETH/USDT 1m"]


def test_a_window_whose_past_was_not_told_is_the_warm_ups_business(check: Checking) -> None:
    check.asked.clear()
    check.traded(NOON + 2 * MINUTE)

    check(NOON + 5 * MINUTE)

    assert check.farm.market.asked == []


def test_a_venue_that_does_not_answer_is_asked_again_later(check: Checking) -> None:
    check.farm.market.past = some_bars(30, until=NOON + 20 * MINUTE)
    check.farm.market.errors = [RateLimited("slow down", 1)]

    assert check(NOON + 5 * MINUTE, BTC, ETH) == 0
    assert len(check.farm.market.asked) == 1
    assert check(NOON + 5 * MINUTE, BTC, ETH) == 4


def test_a_symbol_that_the_venue_refuses_stops_no_other_and_waits(check: Checking) -> None:
    check.farm.market.past = some_bars(30, until=NOON + 20 * MINUTE)
    check.farm.market.errors = [Refused("no such symbol", "-1121")]

    assert check(NOON + 5 * MINUTE, ETH, BTC) == 4
    assert check.quiet == {(ETH, "1m"): NOON + 16 * MINUTE}


def test_only_so_many_are_asked_for_at_a_time(check: Checking) -> None:
    check(NOON + 5 * MINUTE, BTC, ETH, limit=1)

    assert [asked[0] for asked in check.farm.market.asked] == [BTC]


def test_of_a_thousand_silent_symbols_only_those_are_read_that_are_asked_for(
    check: Checking, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    window = check.farm.bars.window

    def reading(symbol: str, interval: str, until: datetime, size: int) -> list[Bar]:
        read.append(symbol)
        return window(symbol, interval, until, size)

    monkeypatch.setattr(check.farm.bars, "window", reading)
    silent = [f"S{number}/USDT" for number in range(1_000)]
    check.asked |= {(symbol, "1m") for symbol in silent}
    check.quiet[ETH, "1m"] = NOON + 9 * MINUTE

    check(NOON + 5 * MINUTE, "SOL/USDT", ETH, BTC, *silent, limit=3)

    assert read == [BTC, *silent[:2]]
