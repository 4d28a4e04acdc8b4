"""The table of docs/faults.md names every number once, scenarios that there are, and tests that there are."""

import ast
import re
from pathlib import Path

import pytest

from app.simulator.scenario import shipped

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([FC]\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs" / "faults.md").read_text(encoding="utf-8"))
TESTED = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
LATER = ("in work", "with dead letters (later)")


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_number_has_one_row() -> None:
    wanted = [f"F{one}" for one in range(1, 37)] + [f"C{one}" for one in range(1, 19)]

    assert [number for number, *_ in ROWS] == wanted


@pytest.mark.parametrize(("number", "what", "scenario", "test"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row_names_a_scenario_and_a_test_that_there_are(number: str, what: str, scenario: str, test: str) -> None:
    named = TESTED.findall(test)

    assert scenario == "–" or scenario in {one.name for one in shipped()}
    assert named or test in LATER
    for path, name in named:
        assert name in names_in(ROOT / path)


def test_every_shipped_scenario_and_every_test_of_a_number_is_in_the_table() -> None:
    tests = {name for row in ROWS for _, name in TESTED.findall(row[3])}
    ours = {name for path in (ROOT / "tests" / "faults").glob("test_*.py") for name in names_in(path)}

    assert {one.name for one in shipped()} == {row[2] for row in ROWS} - {"–"}
    assert {name for name in ours if re.match(r"test_[FC]\d\d_", name)} <= tests
