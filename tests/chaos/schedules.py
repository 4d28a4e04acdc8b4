"""Schedules by name: `chance:17` is all chance, `kill:entry:lost,refuses:12,30` dies at the 12th and the 30th point."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from random import Random
from typing import Any

from tests.chaos.books import Store, in_memory
from tests.chaos.plans import Chance, Filling, Journey, Script
from tests.chaos.scenes import SCENES, Scene
from tests.chaos.steps import STEPS
from tests.chaos.world import World, Wrong

EVERY_DAY = 480
REPEAT = os.environ.get("CHAOS_REPEAT", "chance:0")
WANTED = os.environ.get("CHAOS_SCHEDULES", str(EVERY_DAY))
ALL = WANTED == "all"  # every point of every scene, and every two points
COUNT = 10_000 if ALL else int(WANTED)
MODES = ("lost,refuses", "again,takes", "lost,takes", "again,refuses")
MODES_A_DAY = 2  # the first two of a scene have each way of the messages, and of the venue if it may have both
READS = frozenset(
    {
        *(
            "get",
            "all",
            "held",
            "account",
            "levels",
            "undecided",
            "left_behind",
            "live_entries",
            "last",
            "due",
            "closes",
        ),
        *(
            "search",
            "read",
            "gaps",
            "stranded",
            "open_orders",
            "orders",
            "fills",
            "balances",
            "balance",
            "free",
            "asks",
        ),
    }
)
SQLITE = "sqlite:"  # before a name: on the real store
TWICE = 2  # how many times each point of a step is a place to die at
Pair = tuple[str, str]


def world(name: str, store: Store, steps: dict[str, Any] | None = None) -> World:
    """The schedule of that name, ready to run on an empty store."""
    kind, _, rest = name.partition(":")
    if kind == "chance":
        return World(store, Chance(int(rest)), Scene.drawn(int(rest)), steps or {})
    scene, mode, kills = rest.split(":")
    lost, takes = mode.split(",")
    played = SCENES[scene]
    slow_s = played.slow_s
    script = Script(
        frozenset(map(int, kills.split(","))) if kills else frozenset(),
        lost=lost == "lost",
        takes_duplicates=takes == "takes",
        order_type="limit" if played.rests else "ioc",
        crash_s=played.crash_s,
        quiet_after_s=14 + played.lasts_s,
        fillings=[*played.late] or [Filling(share) for share in played.rests or played.fills],
        journeys=[] if slow_s is None else [Journey(), Journey(slow_s, answered=False)],  # its turn, and the order
        lags_s=1.99 if played.late or slow_s is not None else 0,
        clock=played.clock,
    )
    return World(store, script, played, steps or {})


def modes_of(scene: str) -> list[str]:
    """Those in which it may be played: a venue that takes duplicates takes again what a database has forgotten."""
    forgets = SCENES[scene].restored_s is not None
    possible = [mode for mode in MODES if not (forgets and mode.endswith("takes"))]
    return possible[: None if COUNT > EVERY_DAY else MODES_A_DAY]


def run(name: str, store: Callable[[], Store] = in_memory, steps: dict[str, Any] | None = None) -> World:
    """Run it; what does not hold is said together with the way to repeat it."""
    made = world(name.removeprefix(SQLITE), store(), steps)
    try:
        made.run()
    except Wrong as error:
        raise Wrong(f"{error}\nrepeat it: CHAOS_REPEAT='{name}' python -m pytest tests/chaos -k repeated") from error
    return made


@cache
def points(name: str) -> dict[int, str]:
    """The numbered points at which the schedule of that name could die (again), no step's too often."""
    script = run(name).script
    seen: Counter[str] = Counter()
    found = {}
    died_at = max(script.kills, default=0)
    for number, point in enumerate(script.passed[died_at:], start=died_at + 1):
        seen[point] += 1
        if seen[point] <= TWICE:
            found[number] = point
    return found


def places(scene: str, mode: str) -> list[int]:
    """Where a process dies in a scene: before and after each call that a step makes to a port."""
    return list(points(f"kill:{scene}:{mode}:"))


def twice(scene: str, mode: str, step: str, *, every: bool = ALL) -> Iterator[tuple[Pair, str]]:
    """Schedules in which that step dies and then another one (or itself), of each two steps one, or every one.

    The points are drawn from the name of the step; those at which something is written come first.
    """
    random = Random(f"{scene} {mode} {step}")
    alone = f"kill:{scene}:{mode}:"
    firsts = [number for number, point in points(alone).items() if step_of(point) == step]
    missing = set(STEPS)
    for first in firsts if every else drawn(random, points(alone), firsts):
        after = points(f"{alone}{first}")
        for other in STEPS if every else sorted(missing):
            seconds = [number for number, point in after.items() if step_of(point) == other]
            for second in seconds if every else drawn(random, after, seconds)[:1]:
                missing.discard(other)
                yield (step, other), f"{alone}{first},{second}"
        if not (missing or every):
            return


def drawn(random: Random, named: dict[int, str], numbers: list[int]) -> list[int]:
    """In another order; those at which something is written come first."""
    reads = [named[number].split()[-2].rpartition(".")[2] in READS for number in numbers]
    return [number for _, _, number in sorted(zip(reads, [random.random() for _ in numbers], numbers, strict=True))]


def step_of(point: str) -> str:
    """Whose point it is."""
    return point.partition(":")[0]
