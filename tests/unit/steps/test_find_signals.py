"""Each closed bar is searched by each strategy; one that cannot be searched stops no other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import isnan
from typing import ClassVar

import pandas
import pytest

from app.domain.market import Bar
from app.domain.orders import Leg, Side
from app.domain.trading import Wish
from app.steps.find_signals import FindFailed, find_signals
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import BTC, NOON, some_bars


@dataclass
class Strategy:
    """Wishes what it is told to."""

    version: ClassVar[str] = "1"

    side: Side | None = Side.BUY
    window: int = 5
    warm_up: int = 2
    before: Mapping[str, float] | None = None

    def indicators(self, bars: pandas.DataFrame) -> pandas.DataFrame:
        return bars.assign(rise=bars["close"].diff(), never=float("nan"))

    def decide(self, now: Mapping[str, float], before: Mapping[str, float]) -> Wish | None:
        self.before = before
        return None if self.side is None else Wish(self.side, 0.5, "because")


def find(farm: MemoryFarm, bars: Sequence[Bar], *strategies: Strategy) -> list[str]:
    return find_signals(
        [list(bar.key) for bar in bars],
        frame="frame-9",
        received_us=77,
        windows=farm.windows,
        strategies=strategies,
        signals=farm.signals,
        searched=farm.searched,
        worth=timedelta(seconds=30),
        hand_on=farm.hand_on,
        announce=farm.announce,
        at=NOON,
    )


def test_a_wish_becomes_a_signal_with_all_it_was_based_on(memory: MemoryFarm) -> None:
    bars = some_bars(9)
    memory.bars.save(bars)

    [key] = find(memory, bars[-1:], Strategy())

    signal = memory.signals.get(key)
    assert (signal.strategy, signal.symbol, signal.interval, signal.bar_end) == ("test_find_signals", BTC, "1m", NOON)
    assert (signal.side, signal.leg, signal.strength, signal.reason) == (Side.BUY, Leg.ENTRY, 0.5, "because")
    assert (signal.price, signal.bar_fingerprint) == (bars[-1].close, bars[-1].fingerprint)
    assert (signal.correlation_id, signal.tick_received_us, signal.found_at) == ("frame-9", 77, NOON)
    assert signal.indicators == {
        "open": 100, "high": 103, "low": 99, "close": 100, "volume": 10, "rise": bars[-1].close - bars[-2].close,
    }  # fmt: skip
    assert memory.hand_on.calls == [("signal", key)]
    assert memory.hand_on.correlation_ids == ["frame-9"]
    assert memory.announce.topics == ["trading_signals"]


def test_a_wish_to_sell_leaves(memory: MemoryFarm) -> None:
    bars = some_bars(3)
    memory.bars.save(bars)

    [key] = find(memory, bars[-1:], Strategy(Side.SELL))

    assert memory.signals.get(key).leg is Leg.STRATEGY_EXIT


def test_no_wish_no_signal(memory: MemoryFarm) -> None:
    bars = some_bars(3)
    memory.bars.save(bars)

    assert find(memory, bars[-1:], Strategy(None)) == []
    assert memory.hand_on.calls == []


def test_the_first_bar_has_only_unknowns_before_it(memory: MemoryFarm) -> None:
    bars = some_bars(1)
    memory.bars.save(bars)
    strategy = Strategy(None)

    find(memory, bars, strategy)

    assert strategy.before is not None
    assert all(isnan(value) for value in strategy.before.values())


def test_a_window_with_a_gap_is_told_so(memory: MemoryFarm) -> None:
    bars = some_bars(5)
    memory.bars.save([replace(bars[2], whole=False), *bars])

    memory.tables.bars[BTC, "1m", bars[2].end] = replace(bars[2], whole=False)
    [key] = find(memory, bars[-1:], Strategy())

    assert not memory.signals.get(key).window_whole


def test_every_strategy_is_asked(memory: MemoryFarm) -> None:
    bars = some_bars(5)
    memory.bars.save(bars)

    assert len(find(memory, bars[-1:], Strategy(Side.BUY), Strategy(Side.SELL))) == 2


def test_a_batch_that_is_delivered_twice_gives_each_signal_once(memory: MemoryFarm) -> None:
    bars = some_bars(5)
    memory.bars.save(bars)

    assert find(memory, bars[-1:], Strategy()) == find(memory, bars[-1:], Strategy())
    assert len(memory.tables.signals) == 1
    assert memory.announce.topics == ["trading_signals"]
    assert len(memory.hand_on.calls) == 2


def test_one_symbols_failure_stops_no_other(memory: MemoryFarm) -> None:
    good, bad = some_bars(5), some_bars(5, symbol="ETH/USDT")
    memory.bars.save([*good, *bad])
    memory.windows.broken["ETH/USDT"] = RuntimeError("unreadable")

    with pytest.raises(FindFailed) as failure:
        find(memory, [bad[-1], good[-1]], Strategy())

    assert failure.value.closes == [bad[-1].key]
    assert str(failure.value) == "no search in 1 bar: RuntimeError: unreadable; ETH/USDT/1m/2024-11-20T12:00:00Z"
    assert [signal.symbol for signal in memory.tables.signals.values()] == [BTC]
    assert len(memory.hand_on.calls) == 1


def test_of_many_bars_that_could_not_be_searched_a_few_are_named(memory: MemoryFarm) -> None:
    bars = some_bars(72)
    memory.bars.save(bars)
    memory.windows.broken[BTC] = RuntimeError("unreadable")

    with pytest.raises(FindFailed) as failure:
        find(memory, bars, Strategy())

    named = ", ".join("/".join(bar.key) for bar in bars[:3])
    assert str(failure.value) == f"no search in 72 bars: RuntimeError: unreadable; {named} and 69 more"


@pytest.mark.parametrize("known", [0, 4])
def test_a_window_that_does_not_reach_the_bar_is_a_failure(memory: MemoryFarm, known: int) -> None:
    bars = some_bars(5)
    memory.bars.save(bars[:known])

    with pytest.raises(FindFailed):
        find(memory, bars[-1:], Strategy())


def test_closes_that_piled_up_are_searched_as_if_each_had_come_alone(memory: MemoryFarm) -> None:
    bars = some_bars(30)
    memory.bars.save(bars)
    alone = [key for bar in bars[-12:] for key in find(memory, [bar], Strategy())]
    seen = {key: memory.signals.get(key) for key in alone}
    memory.tables.signals.clear()

    together = find(memory, [*bars[-6:], *bars[-12:-6]], Strategy())

    assert together == alone
    assert {key: memory.signals.get(key) for key in together} == seen


def test_closes_that_wait_far_apart_are_each_searched_in_a_window_of_their_own(memory: MemoryFarm) -> None:
    bars = some_bars(9)
    memory.bars.save(bars)

    keys = find(memory, [bars[1], bars[2], bars[-1]], Strategy(window=2))

    assert [memory.signals.get(key).bar_end for key in keys] == [bars[1].end, bars[2].end, bars[-1].end]
    assert [memory.signals.get(key).window_bars for key in keys] == [2, 2, 2]


def test_a_gap_is_told_only_of_the_windows_that_have_it(memory: MemoryFarm) -> None:
    bars = some_bars(12)
    memory.bars.save([replace(bars[5], whole=False), *bars[:5], *bars[6:]])

    keys = find(memory, bars[-4:], Strategy(window=5))

    assert [memory.signals.get(key).window_whole for key in keys] == [False, False, True, True]
