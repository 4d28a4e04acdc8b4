"""Schedules by name: `chance:17` is all chance, `kill:entry:lost,refuses:12,30` dies at the 12th and the 30th point."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from tests.chaos.books import Store, in_memory
from tests.chaos.plans import Chance, Script
from tests.chaos.scenes import Scene
from tests.chaos.world import World, Wrong

EVERY_DAY = 480
REPEAT = os.environ.get("CHAOS_REPEAT", "chance:0")
COUNT = int(os.environ.get("CHAOS_SCHEDULES", EVERY_DAY))
SCENES = {
    "entry": Scene(),
    "round-trip": Scene(wicks_s=(3.0,)),
    "left": Scene(closes=((0.0, "BTC/USDT", "buy"), (3.0, "BTC/USDT", "sell"))),
    "crash": Scene(closes=((0.0, "BTC/USDT", "buy"), (0.0, "ETH/USDT", "buy"))),
}
ALL_MODES = ("lost,refuses", "again,takes", "lost,takes", "again,refuses")
MODES = ALL_MODES if COUNT > EVERY_DAY else ALL_MODES[:2]
READS = ("get", "held", "levels", "undecided", "left_behind", "last", "due", "closes", "read")
SQLITE = "sqlite:"  # before a name: on the real store
TWICE = 2  # how many times each point of a step is a place to die at


def world(name: str, store: Store, steps: dict[str, Any] | None = None) -> World:
    """The schedule of that name, ready to run on an empty store."""
    kind, _, rest = name.partition(":")
    if kind == "chance":
        return World(store, Chance(int(rest)), Scene.drawn(int(rest)), steps or {})
    scene, mode, kills = rest.split(":")
    lost, takes = mode.split(",")
    script = Script(
        frozenset(map(int, kills.split(","))) if kills else frozenset(),
        lost=lost == "lost",
        takes_duplicates=takes == "takes",
        crash_s=2.0 if scene == "crash" else None,
    )
    return World(store, script, SCENES[scene], steps or {})


def run(name: str, store: Callable[[], Store] = in_memory, steps: dict[str, Any] | None = None) -> World:
    """Run it; what does not hold is said together with the way to repeat it."""
    made = world(name.removeprefix(SQLITE), store(), steps)
    try:
        made.run()
    except Wrong as error:
        raise Wrong(f"{error}\nrepeat it: CHAOS_REPEAT='{name}' python -m pytest tests/chaos -k repeated") from error
    return made


def points(name: str, *, writes_only: bool = False) -> Iterator[int]:
    """The numbers of the points at which the schedule of that name could die (again), no step's too often."""
    made = run(name)
    script = made.script
    seen: Counter[str] = Counter()
    for number, point in enumerate(script.passed, start=1):
        seen[point] += 1
        reads = point.split()[-2].rpartition(".")[2] in READS
        if seen[point] <= TWICE and number > max(script.kills, default=0) and not (writes_only and reads):
            yield number
