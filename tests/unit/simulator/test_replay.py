"""A recording on the venue's clock: the same bars whenever it is played, and of whatever length."""

from collections.abc import Iterator
from pathlib import Path

import pandas
import pytest

from app.domain.bars import FormingBars
from app.domain.market import Bar, instant, interval_seconds
from app.domain.pace import Pace
from app.simulator.clock import NOTICE_US, Clock
from app.simulator.market import Print
from app.simulator.replay import Replay

SECOND, MINUTE, DAY = 1_000_000, 60_000_000, 86_400_000_000
FIRST_US = 1_723_161_255_342_000  # 2024-08-08 23:54:15.342
STEP_US = 97_400_000
INTERVALS = ("1s", "5m", "7m", "1h", "1d")
STARTS_US = (1_795_775_838_674_321, 1_795_775_838_674_321 + 3 * MINUTE, 1_795_800_000_000_000 + 17 * 3600 * SECOND)


class Machine:
    """The venue's clock over a real one that the test moves."""

    def __init__(self, market: Replay, real_us: int) -> None:
        self.real_us = real_us
        self.market = market
        self.clock = Clock(lambda: self.real_us, Pace(real_us, market.launch_us))

    def play(self, speed: float) -> None:
        self.clock.jump(self.market.play(self.clock.now_us()), speed)

    def prints(self) -> Iterator[Print]:
        """All of them, each asked for in time."""
        while not self.market.done:
            self.real_us += 20 * SECOND
            yield from self.market.due(self.clock.now_ms())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Forty trades over more than an hour, across midnight."""
    rows = [f"{(FIRST_US + place * STEP_US) // 1000},BTC/USDT,{100 + place % 7}.5,0.25,buy" for place in range(40)]
    path = tmp_path / "trades.csv"
    path.write_text("\n".join(["timestamp_ms,symbol,price,quantity,side", *rows]))
    return path


def played(file: Path, start_us: int, wait_us: int = 20 * SECOND, speed: float = 5) -> list[Print]:
    machine = Machine(Replay(file), start_us)
    machine.real_us += wait_us
    machine.play(speed)
    return list(machine.prints())


def bars(prints: list[Print]) -> dict[str, list[Bar]]:
    forming = FormingBars(INTERVALS)
    forming.take((one.symbol, one.time_ms * 1000, float(one.price), float(one.quantity), one.side, 1) for one in prints)
    forming.take([("@", FIRST_US + 9 * DAY, 1)])
    return {name: [one.bar for one in forming.closed if one.bar.interval == name] for name in INTERVALS}


@pytest.mark.parametrize("start_us", STARTS_US)
def test_bars_of_every_length_are_those_of_pandas_whenever_it_is_played(file: Path, start_us: int) -> None:
    trades = pandas.read_csv(file)
    timed = trades.set_index(pandas.to_datetime(trades["timestamp_ms"], unit="ms", utc=True))
    found = bars(played(file, start_us))

    for interval in INTERVALS:
        span = pandas.Timedelta(seconds=interval_seconds(interval))
        theirs = timed["price"].resample(span, label="right", closed="left", origin="epoch").ohlc().dropna()
        ours = [(bar.end, bar.open, bar.high, bar.low, bar.close) for bar in found[interval]]
        assert ours == list(theirs.itertuples(name=None)), interval


def test_nothing_is_printed_before_the_farm_can_know_of_it(file: Path) -> None:
    machine = Machine(Replay(file), STARTS_US[0])
    before_us = machine.clock.now_us()
    machine.play(100)

    assert machine.clock.now_us() == before_us
    machine.real_us += NOTICE_US
    assert machine.clock.now_us() == FIRST_US - 100_000
    assert machine.market.due(machine.clock.now_ms()) == []


def test_whoever_connects_until_it_is_played_hears_the_first_day_from_its_beginning(file: Path) -> None:
    assert instant(Replay(file).launch_us).isoformat() == "2024-08-07T12:00:00+00:00"


def test_one_that_had_to_wait_too_long_is_moved_by_whole_days(file: Path) -> None:
    (shift_us,) = {
        late.time_ms * 1000 - early.time_ms * 1000
        for early, late in zip(played(file, 0), played(file, 0, wait_us=3 * DAY), strict=True)
    }

    assert shift_us == 2 * DAY


def test_what_could_not_be_given_in_time_is_known(file: Path) -> None:
    market = Replay(file)
    assert market.given_until(1) == 1
    market.play(market.launch_us)

    later_ms = (FIRST_US + 2 * STEP_US) // 1000
    assert market.given_until(later_ms) == FIRST_US // 1000 - 1
    market.due(later_ms)
    assert market.given_until(later_ms + 1) == later_ms + 1
    assert market.given_until(later_ms + STEP_US) == later_ms + STEP_US // 1000 - 1
