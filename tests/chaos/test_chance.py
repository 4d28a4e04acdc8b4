"""All chance: kills, stops, a database and a venue that fall silent, messages lost, doubled, late and out of order."""

from collections.abc import Callable

import pytest

from app.domain.orders import Leg
from tests.chaos.books import Store, in_memory
from tests.chaos.scenes import SCENES
from tests.chaos.schedules import COUNT, MODES, REPEAT, SQLITE, run

PARTS = 6
ON_SQLITE = max(12, COUNT // 40)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.timeout(3600)
def test_no_order_is_doubled_forgotten_or_above_the_limit(part: int) -> None:
    for seed in range(part, COUNT, PARTS):
        run(f"chance:{seed}")


@pytest.mark.timeout(600)
def test_the_real_store_holds_as_well(another_on_sqlite: Callable[[], Store]) -> None:
    for seed in range(COUNT, COUNT + ON_SQLITE):
        run(f"{SQLITE}chance:{seed}", another_on_sqlite)


@pytest.mark.parametrize("scene", SCENES)
def test_the_real_store_holds_in_each_scene(scene: str, another_on_sqlite: Callable[[], Store]) -> None:
    run(f"{SQLITE}kill:{scene}:{MODES[0]}:", another_on_sqlite)


def test_the_schedules_reach_what_they_are_about() -> None:
    worlds = [run(f"chance:{seed}") for seed in range(480, 520)]
    orders = [order for world in worlds for order in world.store.books().orders.values()]

    assert any(world.judge.high_water > 2900 for world in worlds)
    assert any(world.store.books().state == "HALTED" for world in worlds)
    assert any(world.venue.too_late for world in worlds)
    assert any(order.attempts > 1 for order in orders)
    assert {order.leg for order in orders} >= {Leg.ENTRY, Leg.STOP_LOSS, Leg.STRATEGY_EXIT}
    assert {str(order.state) for order in orders} >= {"filled", "cancelled", "expired"}


def test_a_schedule_is_the_same_each_time() -> None:
    first, again = run("chance:3"), run("chance:3")

    assert first.store.books() == again.store.books()
    assert first.timeline.at == again.timeline.at


def test_the_repeated_schedule_holds(another_on_sqlite: Callable[[], Store]) -> None:
    run(REPEAT, another_on_sqlite if REPEAT.startswith(SQLITE) else in_memory)
