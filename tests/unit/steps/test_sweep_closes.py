"""Closed bars whose message was lost are searched all the same."""

from datetime import timedelta

import pytest

from app.domain.market import BarClose
from app.steps.sweep_closes import sweep_closes
from tests.contracts.resting import CLOSES, RestingContract
from tests.fixtures.fakes import MemoryFarm, MemoryResting
from tests.fixtures.memory.builders import BTC, NOON, some_bars
from tests.unit.steps.test_find_signals import Strategy, find


class TestMemoryResting(RestingContract):
    @pytest.fixture
    def resting(self) -> MemoryResting[BarClose]:
        return MemoryResting()

    @pytest.fixture
    def things(self) -> list[BarClose]:
        return CLOSES


def swept(farm: MemoryFarm, seconds: float) -> int:
    return sweep_closes(
        bars=farm.bars,
        searched=farm.searched,
        hand_on=farm.hand_on,
        at=NOON + timedelta(seconds=seconds),
        patience=timedelta(seconds=6),
        worth=timedelta(seconds=30),
    )


def test_a_close_that_nobody_searched_is_handed_on_again(memory: MemoryFarm) -> None:
    memory.bars.save(some_bars(2))

    assert [swept(memory, 5), swept(memory, 6)] == [0, 1]
    assert memory.hand_on.calls == [("closes", BTC)]
    assert memory.hand_on.correlation_ids == ["sweep-2024-11-20T12:00:06Z"]


def test_it_is_handed_on_again_after_a_while_and_not_for_ever(memory: MemoryFarm) -> None:
    memory.bars.save(some_bars(1))

    assert [swept(memory, seconds) for seconds in (6, 8, 12, 14, 29, 31)] == [1, 0, 0, 1, 1, 0]


def test_a_close_that_was_searched_is_left_alone(memory: MemoryFarm) -> None:
    bars = some_bars(1)
    memory.bars.save(bars)
    find(memory, bars, Strategy(side=None))

    assert [swept(memory, seconds) for seconds in (6, 15, 29)] == [0, 0, 0]


def test_a_close_that_could_not_be_searched_is_looked_for(memory: MemoryFarm) -> None:
    bars = some_bars(1)
    memory.bars.save(bars)
    memory.windows.broken[BTC] = LookupError("no window")
    with pytest.raises(Exception, match="no search in 1 bar: LookupError: no window"):
        find(memory, bars, Strategy())

    assert swept(memory, 6) == 1


def test_many_closes_go_in_batches(memory: MemoryFarm) -> None:
    memory.bars.save([bar for number in range(450) for bar in some_bars(1, symbol=f"C{number}/USDT")])

    assert swept(memory, 7) == 450
    assert [key.count(",") + 1 for _, key in memory.hand_on.calls] == [200, 200, 50]
