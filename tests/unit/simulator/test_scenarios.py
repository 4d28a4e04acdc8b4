"""Scenarios are checked before they are played, and strike when they say."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from app.simulator.faults import KNOWN
from app.simulator.scenario import Entry, Plan, Scenario, WrongScenario, listed, load, shipped

ROOT = Path(__file__).parents[3]


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", ["F01_create_times_out_but_is_live", "F01", "F1", "f1"])
def test_a_shipped_scenario_is_found_by_its_name_or_number(name: str) -> None:
    found = load(name)

    assert found.name == "F01_create_times_out_but_is_live"
    assert found.entries == (Entry({"fault": "create_reply_dropped", "times": 1}),)


def test_each_shipped_scenario_says_what_it_does() -> None:
    assert len(shipped()) > 20
    assert all(one.description.endswith(".") for one in shipped())


def test_they_are_installed_with_the_package() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]

    found = setuptools["packages"]["find"]["include"]  # setuptools' own name for folders, also those without modules
    assert any(fnmatch("app.simulator.scenarios", pattern) for pattern in found)
    assert setuptools["package-data"]["app.simulator.scenarios"] == ["*.toml"]


def test_a_file_of_ones_own_says_what_strikes_when(tmp_path: Path) -> None:
    mine = load(
        written(
            tmp_path,
            '[[fault]]\nfault = "no_fills"\nat_s = 1.5\n[[fault]]\nfault = "read_lag"\nms = 5\nafter_orders = 3\n',
        )
    )

    assert mine == Scenario(
        "mine", "", (Entry({"fault": "no_fills"}, at_s=1.5), Entry({"fault": "read_lag", "ms": 5}, after_orders=3))
    )


def test_each_strikes_once_when_its_time_or_its_order_has_come() -> None:
    early, late = Entry({"fault": "no_fills"}, at_s=1), Entry({"fault": "read_lag"}, after_orders=2)
    plan = Plan(Scenario("mine", "", (early, late)))

    assert plan.due(0.5, 1) == []
    assert plan.due(1.0, 1) == [early.wanted]
    assert plan.due(1.1, 2) == [late.wanted]
    assert plan.due(9, 9) == Plan(None).due(9, 9) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has no faults; begin each with a line"),
        ("fault = 1", "has no faults"),
        ("seed = 1\n[[fault]]\nfault = 'no_fills'", "does not know seed"),
        ("description = 1\n[[fault]]\nfault = 'no_fills'", "description must be text"),
        ("[[fault]\n", "is no TOML: .*line 1.*; mend that line"),
        ("[[fault]]\nfault = 'no_fills'\n\n[[fault]]\nfault = 'noo'", r"\[\[fault\]\] 2 \(line 4\): there is no fault"),
        ("[[fault]]\nms = 1", r"\[\[fault\]\] 1 \(line 1\): it names no fault; say fault = "),
        ("[[fault]]\nfault = 'read_lag'\nseconds = 1", "does not know seconds; it takes .*ms.*--list-faults"),
        ("[[fault]]\nfault = 'read_lag'\nms = 'soon'", "ms must be a number"),
        ("[[fault]]\nfault = 'no_fills'\nat_s = 'soon'", "at_s must be a number from 0 up, not 'soon'"),
        ("[[fault]]\nfault = 'no_fills'\nat_s = -1", "at_s must be a number from 0 up, not -1"),
        ("[[fault]]\nfault = 'no_fills'\nafter_orders = 1.5", "after_orders must be a whole number, not 1.5"),
        ("fault = [{fault = 'noo'}]", r"\[\[fault\]\] 1: there is no fault"),
    ],
)
def test_a_scenario_that_cannot_be_played_names_its_place_and_its_cure(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(WrongScenario, match=complaint):
        load(written(tmp_path, text))


@pytest.mark.parametrize("name", ["F999", "nowhere.toml"])
def test_a_scenario_that_is_not_there_is_told_where_the_others_are(name: str) -> None:
    with pytest.raises(WrongScenario, match="--list-faults"):
        load(name)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(WrongScenario, match="cannot be read"):
        load(str(tmp_path / "mine.toml"))


def test_every_fault_and_every_scenario_is_listed() -> None:
    shown = listed(shipped())

    assert all(name in shown for name in KNOWN)
    assert all(one.name in shown and one.description in shown for one in shipped())
