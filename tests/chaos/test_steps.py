"""No step is forgotten: each that writes to the database, the venue or the broker has a scene that kills it."""

import ast
import inspect
from pathlib import Path
from pkgutil import iter_modules

import pytest

from app import steps
from app.domain.orders import Leg
from app.domain.orders import OrderState as S
from app.steps import ports
from tests.chaos.schedules import MODES, run
from tests.chaos.steps import HELPERS, INSIDE, SCENE_OF, STEPS, WRITERS
from tests.chaos.tasks import Tasks
from tests.chaos.world import PERIODS_S

ROOM = Path(next(iter(steps.__path__)))
READERS = frozenset({"Announce", "Check", "Market", "Missing", "Prices", "VenueAccount", "Windows", "WindowsAhead"})


def ports_of(module: str) -> set[str]:
    """The protocols that a module takes from the ports, or has of its own."""
    tree = ast.parse((ROOM / f"{module}.py").read_text())
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "app.steps.ports"]
    own = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return {alias.name for node in froms for alias in node.names} | set(own)


def test_every_step_has_a_scene_or_writes_nothing() -> None:
    modules = {module.name for module in iter_modules(steps.__path__)}

    assert modules == SCENE_OF.keys() | HELPERS


@pytest.mark.parametrize("helper", sorted(HELPERS - {"ports"}))
def test_a_helper_has_no_port_that_writes(helper: str) -> None:
    assert not ports_of(helper) & WRITERS


def test_each_port_is_known_to_write_or_to_read() -> None:
    assert set(ports.__all__) <= WRITERS | READERS


@pytest.mark.parametrize("step", SCENE_OF)
def test_the_scene_of_a_step_reaches_its_calls(step: str) -> None:
    passed = run(f"kill:{SCENE_OF[step]}:{MODES[0]}:").script.passed

    assert f"{INSIDE.get(step, step)}: " in " ".join(passed)


def test_the_calls_inside_a_drain_raise_the_peak_of_a_trailing_stop() -> None:
    assert "drain: trades.raise_peaks before" in run(f"kill:round-trip:{MODES[0]}:").script.passed


def test_an_exit_after_a_refusal_asks_what_is_free_and_the_rest_is_sold_when_nothing_locks_it_any_more() -> None:
    world = run(f"kill:short:{MODES[0]}:")

    exits = [one for one in world.store.books().orders.values() if one.leg is not Leg.ENTRY]
    assert {"approve_signal: account.free before", "approve_signal: account.free after"} <= set(world.script.passed)
    assert [one.state for one in exits] == [S.REJECTED, S.FILLED, S.REJECTED, S.FILLED]
    assert [trade.left for trade in world.store.books().trades.values()] == [0]
    assert ("balance", "BTC") in world.store.record().told


def test_a_signal_that_waited_too_long_is_refused_without_the_accounts_lock() -> None:
    world = run(f"kill:behind:{MODES[0]}:")

    called = {point.rpartition(" ")[0] for point in world.script.passed if point.startswith("approve_signal")}
    assert called == {"approve_signal: signals.get", "approve_signal: signals.expire"}
    assert world.store.books().orders == {}


def test_every_step_has_points_in_the_scene_of_pairs() -> None:
    passed = run(f"kill:whole:{MODES[0]}:").script.passed

    assert {point.partition(":")[0] for point in passed} >= set(STEPS)


def test_every_task_of_beat_is_one_of_the_world() -> None:
    assert set(PERIODS_S) <= {name for name, _ in inspect.getmembers(Tasks, inspect.isfunction)}
