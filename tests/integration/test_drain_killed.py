"""A drain that is killed in the middle of its work: the bars are those of a run that nobody disturbed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis

from app.bus import Counters, Keys, Limits, Mailboxes, connect
from app.domain.bars import FormingBars
from app.domain.market import Bar, BarClose
from app.steps.drain import drain
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.fakes import MemoryFarm, MemoryHandOn
from tests.fixtures.memory.builders import NOON

pytestmark = pytest.mark.chaos

SECOND = 1_000_000
NOON_US = 1_732_104_000 * SECOND
LIMITS = Limits(lease_ms=150, armed_ms=50, archiving=False)
TICKS = 3_000
ROOT = Path(__file__).parents[2]


def a_market() -> list[list[Any]]:
    """Frames of ticks of five symbols and clock marks, four minutes of it."""
    chance = random.Random(7)
    times = sorted(chance.sample(range(240_000), TICKS))
    rows: list[Any] = [("=", f"S{number}/USDT", NOON_US) for number in range(5)]
    for ms in times:
        time_us = NOON_US + ms * 1000
        rows.append((f"S{chance.randrange(5)}/USDT", time_us, round(chance.uniform(1, 9), 3), 1.0, "buy", time_us))
        if chance.random() < 0.02:
            rows.append(("@", time_us, time_us))
    rows.append(("@", NOON_US + 600 * SECOND, NOON_US + 600 * SECOND))
    return [rows[first : first + 7] for first in range(0, len(rows), 7)]


class FileBars:
    """Bars that survive the process, one line each, written slowly enough to be killed in between."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def save(self, bars: Sequence[Bar]) -> int:
        with self._path.open("a") as file:
            for bar in bars:
                file.write(json.dumps(_line(bar)) + "\n")
                file.flush()
        time.sleep(0.002)
        return len(bars)

    def window(self, *_: Any) -> list[Bar]:
        return []

    def gaps(self, *_: Any) -> list[Bar]:
        return []

    def heard(self, *_: Any) -> set[str]:
        return set()

    def closes(self, *_: Any) -> list[BarClose]:
        return []


class FileHandOn(MemoryHandOn):
    """Closes that survive the process."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def closes(self, closes: Sequence[BarClose], frame: str, received_us: int) -> None:
        with self._path.open("a") as file:
            file.writelines(json.dumps(close) + "\n" for close in closes)


def work(url: str, folder: Path, budget_s: float) -> int:
    """What a drain process does."""
    memory = MemoryFarm()
    with connect(url) as client:
        return drain(
            0,
            mailboxes=Mailboxes(client, Keys("test:"), 1, LIMITS),
            bars=FileBars(folder / "bars"),
            signals=memory.signals,
            trades=memory.trades,
            hand_on=FileHandOn(folder / "closes"),
            announce=memory.announce,
            again=lambda shard: None,
            intervals=["1s", "1m"],
            window_size=10,
            look_ms=1,
            linger_s=0,
            budget_s=budget_s,
            others_wait=bool,
            now=lambda: NOON,
        )


def test_bars_after_kills_are_those_of_a_straight_run(
    redis_url: str, redis_client: "redis.Redis", keys: Keys, tmp_path: Path
) -> None:
    mailboxes = Mailboxes(redis_client, keys, 1, LIMITS)
    frames = a_market()
    straight = FormingBars(["1s", "1m"])
    for frame in frames:
        straight.take(frame)
        mailboxes.push({0: frame})
    kills = 0
    deadline = time.monotonic() + 60

    while mailboxes.depths()[0] and time.monotonic() < deadline:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.test_drain_killed", redis_url, str(tmp_path)]
        )
        if kills < 3:
            kills += _killed_in_mid_work(child, mailboxes)
        child.wait(PATIENCE_S)
        time.sleep(LIMITS.lease_ms / 1000)  # what the dead drain held is let go

    assert kills == 3
    stored = [json.loads(line) for line in (tmp_path / "bars").read_text().splitlines()]
    closes = {tuple(json.loads(line)) for line in (tmp_path / "closes").read_text().splitlines()}
    assert _unique(stored) == _unique(map(_line, (one.bar for one in straight.closed)))
    assert closes == {tuple(one.bar.key) for one in straight.closed}
    counted = Counters(redis_client, keys).all()
    assert counted["ticks_processed"] == TICKS
    assert counted["bars_closed"] == len(straight.closed)
    assert "ticks_doubled" not in counted


def _killed_in_mid_work(child: "subprocess.Popen[bytes]", mailboxes: Mailboxes) -> bool:
    """Kill it after some commits, before it is done."""
    before = mailboxes.depths()[0]
    while child.poll() is None:
        depth = mailboxes.depths()[0]
        if depth and depth < before - 300:
            os.kill(child.pid, signal.SIGKILL)
            return True
        time.sleep(0.001)
    return False


def _line(bar: Bar) -> list[Any]:
    figures = [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.ticks, bar.whole]
    return [bar.symbol, bar.interval, str(bar.end), *figures]


def _unique(lines: Iterable[list[Any]]) -> list[list[Any]]:
    """As a table with a unique key keeps them: the first of each; a second one that differs is a mistake."""
    found: dict[tuple[Any, ...], list[Any]] = {}
    for line in lines:
        assert found.setdefault(tuple(line[:3]), line) == line
    return sorted(found.values())


if __name__ == "__main__":
    work(sys.argv[1], Path(sys.argv[2]), budget_s=30)
