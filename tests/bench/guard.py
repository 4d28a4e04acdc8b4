"""`make guard`: whether the hot paths still cost what they did, as ratios of CPU time to fixed work of the same run.

Each work and its yardstick run in turn, several times, and the least of each counts: what else a machine does makes
single times longer, never shorter. A ratio is no property of a machine, so it can be written down here.
"""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import msgspec
from ccxt.protobuf.mexc.PushDataV3ApiWrapper_pb2 import PushDataV3ApiWrapper

from app.bus.frames import frame_of, packed
from app.domain.bars import FormingBars
from app.domain.market import Bar, instant
from app.domain.window import Window
from app.exchanges.mexc.frames import deals
from app.simulator.catalogue import symbols
from app.steps.tables import as_table, two_rows
from app.strategies.momentum import Strategy
from tests.bench import pushes

MARGIN = 1.6  # processors and versions of Python differ by some; what is twice as slow is found
REPEATS = 15
BEGAN_US = 1_790_000_000_000_000
Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Hot:
    """A hot path: `known` is how many times the yardstick's CPU it took when it was last looked at."""

    work: Work
    yardstick: Work
    known: float
    where: str


class Ratio(NamedTuple):
    """How many times the yardstick's CPU a work took, and how many it may."""

    took: float
    known: float

    @property
    def holds(self) -> bool:
        """Within the margin."""
        return self.took <= self.known * MARGIN


def measured(hot: Hot, repeats: int = REPEATS, clock: Callable[[], float] = time.process_time) -> Ratio:
    """The least of each, in turn."""
    times = [(_took(hot.work, clock), _took(hot.yardstick, clock)) for _ in range(repeats)]
    return Ratio(min(work for work, _ in times) / min(yardstick for _, yardstick in times), hot.known)


def _took(work: Work, clock: Callable[[], float]) -> float:
    began = clock()
    work()
    return clock() - began


def told(ratios: Mapping[str, Ratio], paths: Mapping[str, Hot]) -> list[str]:
    """A line for each, and what to do about those that do not hold."""
    lines = [
        f"{'ok  ' if one.holds else 'SLOW'} {name}: {one.took:.2f} times its yardstick, written down is {one.known:.2f}"
        for name, one in ratios.items()
    ]
    for name, one in ratios.items():
        if not one.holds:
            lines.append(
                f"{name} takes {one.took / one.known:.1f} times the CPU it took: profile {paths[name].where}. "
                "If it is worth that, write the new ratio down in tests/bench/guard.py and say why in the commit."
            )
    return lines


def hot_paths() -> dict[str, Hot]:
    """What runs for every tick, every frame and every bar of the market."""
    frames = [frame_of(b"1-0", {b"f": one, b"n": b"250"}) for one in _packed(symbols(50), 80)]
    pushed = [
        frame for name in ("BTCUSDT", "ETHUSDT") for frame in pushes.frames(name, BEGAN_US // 1000, pushes.MANY, 2_000)
    ]
    bare, strategy, window = msgspec.json.Decoder(), Strategy(), _window(Strategy().window)

    def drained() -> None:
        forming = FormingBars(("1m",))
        for frame in frames:
            forming.take(frame.rows, ())
            forming.clear()

    def analysed() -> None:
        for _ in range(50):
            rows = strategy.indicators(as_table(window))
            before, now = two_rows(rows, len(window) - 1)
            strategy.decide(now, before)

    return {
        "the drain's arithmetic": Hot(
            drained, lambda: [bare.decode(one.packed) for one in frames], 2.3, "app/domain/bars.py, app/bus/frames.py"
        ),
        "the feed's decoding": Hot(
            lambda: [deals(one) for one in pushed],
            lambda: [PushDataV3ApiWrapper.FromString(one) for one in pushed],
            3.5,
            "app/exchanges/mexc/frames.py",
        ),
        "the search for a signal": Hot(
            analysed,
            _counted,
            2.1,
            "app/strategies/momentum.py, app/indicators.py, app/steps/tables.py, and at what pandas is now",
        ),
    }


def _packed(names: tuple[str, ...], frames: int) -> list[bytes]:
    rows = [
        (names[place % len(names)], BEGAN_US + place * 500, 100.0 + place % 7, 1.5, "buy", BEGAN_US + place * 500)
        for place in range(frames * 250)
    ]
    return [packed(rows[first : first + 250]) for first in range(0, len(rows), 250)]


def _window(count: int) -> Window:
    bars = [
        Bar(
            "BTC/USDT",
            "1m",
            instant(BEGAN_US) + timedelta(minutes=place),
            100,
            102,
            99,
            100 + place % 3,
            5 + place % 4,
            9,
            True,
        )
        for place in range(count)
    ]
    return Window.of("BTC/USDT", "1m", bars)


def _counted() -> int:
    """Work of Python's own that is always the same."""
    total = 0
    for place in range(200_000):
        total += place & 7
    return total


def main() -> None:
    """Say how they stand; leave with 1 if one does not hold."""
    paths = hot_paths()
    ratios = {name: measured(hot) for name, hot in paths.items()}
    print("\n".join(told(ratios, paths)))
    sys.exit(not all(one.holds for one in ratios.values()))


if __name__ == "__main__":
    main()
