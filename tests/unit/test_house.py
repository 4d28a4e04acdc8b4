"""The rules of the house that import-linter and ruff cannot say."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

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
