"""The rules of the house that import-linter and ruff cannot say."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import wiring
from tests.bench.farms import settings_of_its_own
from tests.fixtures.commands import commands
from tests.fixtures.farm import configured
from tests.fixtures.hostile import own_environment, speaks_to_its_own_simulator_alone

ROOT = Path(__file__).parent.parent.parent
MODULES = sorted(p for room in ("app", "models", "tasks", "workers") for p in (ROOT / room).rglob("*.py"))
TASKS = [p for p in MODULES if p.parent.name == "tasks" and not p.stem.startswith("_")]
MONEY = [p for p in MODULES if p.parent.name in {"risk", "steps"} or p.name in {"orders.py", "portfolio.py"}]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", TASKS, ids=str)
def test_a_task_only_fetches_calls_and_returns(path: Path) -> None:
    tasks = [f for f in functions(path) if any("task" in ast.unparse(d) for d in f.decorator_list)]

    assert tasks
    assert all(len(task.body) <= 5 for task in tasks)
    assert not any(isinstance(n, ast.If | ast.For | ast.Try) for task in tasks for n in ast.walk(task))


@pytest.mark.parametrize("path", MONEY, ids=str)
def test_money_is_never_a_float(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text())))

    assert not [n.lineno for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, float)]


def test_alembic_is_a_folder_not_a_package() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_no_farm_of_the_tests_reads_the_settings_of_the_one_that_lives_here(
    hostile: str, farm_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured(farm_settings, monkeypatch):
        speaks_to_its_own_simulator_alone()


def test_nor_does_a_command(hostile: str, tmp_path: Path) -> None:
    with commands() as farm:
        services = farm.run("services", "--json", at=tmp_path)

    assert '"venue"' in services.stdout, "only a farm on paper has a venue of its own"


def test_nor_does_a_benchmark(hostile: str, tmp_path: Path) -> None:
    with own_environment():
        settings_of_its_own(tmp_path / "bench", SHARDS="1")

        wiring.reset()
        speaks_to_its_own_simulator_alone()
        assert wiring.settings().shards == 1
