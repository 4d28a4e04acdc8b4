"""Kill a process before and after every call that a step makes to a port: nothing is doubled, forgotten or lost."""

import pytest

from tests.chaos.schedules import MODES, SCENES, points, run


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scene", SCENES)
def test_a_kill_at_any_point_does_no_harm(scene: str, mode: str) -> None:
    places = list(points(f"kill:{scene}:{mode}:"))

    for place in places:
        run(f"kill:{scene}:{mode}:{place}")

    assert len(places) > 80


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("part", range(3))
def test_a_kill_at_any_two_points_does_no_harm(mode: str, part: int) -> None:
    pairs = 0
    for first in list(points(f"kill:entry:{mode}:", writes_only=True))[part::3]:
        for second in points(f"kill:entry:{mode}:{first}", writes_only=True):
            run(f"kill:entry:{mode}:{first},{second}")
            pairs += 1

    assert pairs > 100


def test_a_kill_before_a_claim_leaves_the_order_to_the_sweep() -> None:
    whole = run("kill:entry:lost,takes:").script.passed
    died_at = whole.index("place: orders.claim before") + 1

    world = run(f"kill:entry:lost,takes:{died_at}")

    assert world.script.passed[died_at - 1] == "place: orders.claim before"
    assert "sweep: hand_on.order before" in world.script.passed
    assert len(world.venue.journal) == 1
