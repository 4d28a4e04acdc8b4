"""Strategies found by their file's name or by an import path, and what is said when there is none."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.domain.parameters import WrongParameter
from app.strategies import called, names, strategies, strategy
from app.strategies.momentum import Strategy

OWN = '''"""A strategy that lives outside."""
from dataclasses import dataclass
from typing import ClassVar

@dataclass(frozen=True)
class Mine:
    length: int = 3
    version: ClassVar[str] = "1"
    window: ClassVar[int] = 3
    warm_up: ClassVar[int] = 2
    def indicators(self, bars): ...
    def decide(self, now, before): ...

@dataclass(frozen=True)
class Half:
    version: ClassVar[str] = "1"
    window: ClassVar[int] = 3
    def decide(self, now, before): ...

class Plain: ...
number = 7
'''


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes a module into a folder on the path."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(text: str) -> None:
        (tmp_path / "my_outside_strategies.py").write_text(text)
        monkeypatch.delitem(sys.modules, "my_outside_strategies", raising=False)

    write(OWN)
    return write


def test_a_strategy_is_found_by_its_files_name() -> None:
    assert "momentum" in names()
    assert strategy("momentum", {"fast": "5"}) == Strategy(fast=5)


def test_one_of_your_own_is_found_by_its_import_path(outside: Callable[[str], None]) -> None:
    mine = strategy("my_outside_strategies:Mine", {"length": 5})

    assert type(mine).__module__ == "my_outside_strategies"
    assert vars(mine) == {"length": 5}


def test_several_come_in_their_order_with_their_parameters(outside: Callable[[str], None]) -> None:
    found = strategies(
        ["my_outside_strategies:Mine", "momentum"], {"momentum": {"fast": 5}, "my_outside_strategies": {"length": 9}}
    )

    assert [type(one).__name__ for one in found] == ["Mine", "Strategy"]
    assert found[1] == Strategy(fast=5)
    assert vars(found[0]) == {"length": 9}


@pytest.mark.parametrize(
    ("path", "name"), [("momentum", "momentum"), ("my_module:Mine", "my_module"), ("a.b.c:Mine", "c")]
)
def test_a_strategys_name_is_its_files(path: str, name: str) -> None:
    assert called(path) == name


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("momentun", "there is no strategy 'momentun'; did you mean 'momentum'?"),
        ("momentun", "'momentum'? Write my_module:Class for one of your own."),
        ("qqqqq", ". Write my_module:Class for one of your own."),
        ("", "there is no strategy ''"),
        (
            "no_such_module:Strategy",
            "there is no module 'no_such_module'; start from its folder, or put that on PYTHONPATH",
        ),
        ("no.such.module:Strategy", "there is no module 'no.such.module'"),
        (":Strategy", "there is no module ''"),
        ("my_outside_strategies:Yours", "module my_outside_strategies has no 'Yours'"),
        ("my_outside_strategies:Plain", "is no dataclass; write @dataclass(frozen=True) above the class"),
        ("my_outside_strategies:number", "is no dataclass"),
        ("my_outside_strategies:Half", "lacks warm_up, indicators; docs/add-a-strategy.md shows all parts"),
    ],
)
def test_what_is_no_strategy_says_why_and_what_to_do(outside: Callable[[str], None], path: str, said: str) -> None:
    with pytest.raises(WrongParameter) as refused:
        strategy(path, {})

    assert said in str(refused.value)


def test_a_module_of_your_own_that_fails_says_so_itself(outside: Callable[[str], None]) -> None:
    outside("import no_such_thing_at_all")

    with pytest.raises(ModuleNotFoundError, match="no_such_thing_at_all"):
        strategy("my_outside_strategies:Mine", {})


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(WrongParameter, match="two have the same name"):
        strategies(["momentum", "elsewhere.momentum:Strategy"], {})


def test_parameters_for_a_strategy_that_is_not_wanted_but_known_are_kept_for_later() -> None:
    assert strategies([], {"momentum": {"fast": 5}}) == []


def test_parameters_for_no_strategy_at_all_are_refused() -> None:
    with pytest.raises(WrongParameter, match=r"a strategy 'momentun'; did you mean 'momentum'\?"):
        strategies(["momentum"], {"momentun": {"fast": 5}})
