"""Kill a process before and after every call that a step makes to a port: nothing is doubled, forgotten or lost."""

import pytest

from tests.chaos.scenes import SCENES
from tests.chaos.schedules import ALL, modes_of, places, run, twice
from tests.chaos.steps import STEPS

ONE_BY_ONE = [(scene, mode) for scene in SCENES for mode in modes_of(scene)]
PAIRS = [(scene, mode) for scene in (SCENES if ALL else ("whole",)) for mode in modes_of(scene)]


@pytest.mark.parametrize(("scene", "mode"), ONE_BY_ONE)
@pytest.mark.timeout(3600)
def test_a_kill_at_any_point_does_no_harm(scene: str, mode: str) -> None:
    numbers = places(scene, mode)

    for number in numbers:
        run(f"kill:{scene}:{mode}:{number}")

    assert len(numbers) > 100


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("scene", "mode"), PAIRS)
@pytest.mark.timeout(24 * 3600)
def test_a_kill_of_one_step_and_then_of_another_does_no_harm(scene: str, mode: str, step: str) -> None:
    met = set()
    for pair, name in twice(scene, mode, step):
        run(name)
        met.add(pair)

    if scene == "whole":
        assert met == {(step, other) for other in STEPS}


def test_a_kill_before_a_claim_leaves_the_order_to_the_sweep() -> None:
    whole = run("kill:entry:lost,takes:").script.passed
    died_at = whole.index("place_order: orders.claim before") + 1

    world = run(f"kill:entry:lost,takes:{died_at}")

    assert world.script.passed[died_at - 1] == "place_order: orders.claim before"
    assert "sweep: hand_on.order before" in world.script.passed
    assert len(world.venue.journal) == 1
