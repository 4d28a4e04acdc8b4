"""The schedules find what is wrong: each planted mistake is found within a few days' number of schedules."""

import pytest

from tests.chaos import planted_upkeep
from tests.chaos.planted import PLANTED
from tests.chaos.schedules import EVERY_DAY, MODES, Pair, modes_of, points, run, twice
from tests.chaos.world import Wrong

DAYS = 4  # what one more call of a port moves to other seeds is still found
SLIPS = ("RecursionError", "NameError", "TypeError", "AttributeError")  # mistakes in the mistake itself
IN_SCENES = {name: planted for name, planted in planted_upkeep.PLANTED.items() if planted[0]}
BY_CHANCE = PLANTED | {name: steps for name, (scene, steps) in planted_upkeep.PLANTED.items() if not scene}


@pytest.mark.parametrize("mistake", BY_CHANCE)
def test_a_planted_mistake_is_found_by_chance(mistake: str) -> None:
    with pytest.raises(Wrong, match=r"repeat it: CHAOS_REPEAT='chance:\d+'") as found:
        some_days(mistake)
    assert not [slip for slip in SLIPS if slip in str(found.value)]


@pytest.mark.parametrize("mistake", IN_SCENES)
def test_a_planted_mistake_is_found_at_a_crash_point(mistake: str) -> None:
    with pytest.raises(Wrong, match=r"repeat it: CHAOS_REPEAT='kill:[a-z-]+:") as found:
        all_of_a_scene(*IN_SCENES[mistake], planted_upkeep.TWO_DEATHS.get(mistake))
    assert "a task died" not in str(found.value)  # what is wrong was judged; the mistake is no slip of a name


def some_days(mistake: str) -> None:
    for seed in range(DAYS * EVERY_DAY):
        run(f"chance:{seed}", steps=BY_CHANCE[mistake])


def all_of_a_scene(scene: str, steps: dict[str, object], deaths: Pair | None) -> None:
    for mode in [] if deaths else modes_of(scene):
        for number in points(f"kill:{scene}:{mode}:"):
            run(f"kill:{scene}:{mode}:{number}", steps=steps)
    for pair, name in twice(scene, MODES[0], deaths[0], every=True) if deaths else ():
        if pair == deaths:
            run(name, steps=steps)
