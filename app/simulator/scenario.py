"""Scenarios: which fault strikes when, read from a TOML file, and struck at that time or after so many orders."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path
from typing import Any

from app.simulator.errors import Refusal
from app.simulator.faults import KNOWN, Faults

FOLDER = Path(str(files("app.simulator") / "scenarios"))
ENTRY = re.compile(r"^\s*\[\[\s*fault\s*\]\]", re.MULTILINE)
NUMBER = re.compile(r"[A-Za-z]+\d+")
WHEN = frozenset({"at_s", "after_orders"})
KEYS = frozenset({"description", "fault"})


class WrongScenario(Exception):
    """A scenario that cannot be played; the message names the file, the entry and its line, and the cure."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One fault and when it is switched on: so long after the start, or once so many orders were accepted."""

    wanted: Mapping[str, Any]
    at_s: float = 0.0
    after_orders: int = 0

    def due(self, elapsed_s: float, orders: int) -> bool:
        """Whether its time has come."""
        return elapsed_s >= self.at_s and orders >= self.after_orders


@dataclass(frozen=True, slots=True)
class Scenario:
    """What goes wrong, in one sentence and as entries."""

    name: str
    description: str
    entries: tuple[Entry, ...]


class Plan:
    """The entries of a scenario that are still to come."""

    def __init__(self, scenario: Scenario | None) -> None:
        self._left = list(scenario.entries) if scenario else []

    def due(self, elapsed_s: float, orders: int) -> list[Mapping[str, Any]]:
        """The faults whose time has come, each once, in the order of the file."""
        now = [entry for entry in self._left if entry.due(elapsed_s, orders)]
        self._left = [entry for entry in self._left if entry not in now]
        return [entry.wanted for entry in now]


def load(name: str) -> Scenario:
    """A scenario by its file, or a shipped one by its name or number (F01_…, F01, F1). Raises WrongScenario."""
    path = _path(name)
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise WrongScenario(f"{path} cannot be read ({error}); name another file") from error
    except tomllib.TOMLDecodeError as error:
        raise WrongScenario(f"{path} is no TOML: {error}; mend that line") from error
    return _scenario(path, text, table)


def shipped() -> list[Scenario]:
    """Those that come with the simulator, in their order."""
    return [load(str(path)) for path in _files()]


def _files() -> list[Path]:
    return sorted(FOLDER.glob("*.toml"))


def _path(name: str) -> Path:
    named = {path.stem: path for path in _files()}
    if name in named:
        return named[name]
    if NUMBER.fullmatch(name):
        number = f"{name[0].upper()}{int(re.sub(r'[A-Za-z]+', '', name)):02}_"
        of_number = [path for stem, path in named.items() if stem.startswith(number)]
        if of_number:
            return of_number[0]
    path = Path(name).expanduser()
    if not path.is_file():
        raise WrongScenario(
            f"there is no scenario {name!r}; name a TOML file or one that `cdb venue --list-faults` shows, such as F1"
        )
    return path


def _scenario(path: Path, text: str, table: Mapping[str, Any]) -> Scenario:
    unknown = sorted(table.keys() - KEYS)
    if unknown:
        raise WrongScenario(f"{path} does not know {', '.join(unknown)}; a scenario has a description and [[fault]]s")
    faults, description = table.get("fault", []), table.get("description", "")
    if not (isinstance(faults, list) and faults and all(isinstance(one, dict) for one in faults)):
        raise WrongScenario(f"{path} has no faults; begin each with a line [[fault]]")
    if not isinstance(description, str):
        raise WrongScenario(f"{path}: description must be text, not {description!r}")
    lines = [text.count("\n", 0, match.end()) + 1 for match in ENTRY.finditer(text)]
    entries = []
    for number, wanted in enumerate(faults, start=1):
        where = f" (line {lines[number - 1]})" if len(lines) == len(faults) else ""
        try:
            entries.append(_entry(wanted))
        except Refusal as refusal:
            raise WrongScenario(
                f"{path}, [[fault]] {number}{where}: {refusal}; `cdb venue --list-faults` shows what each takes"
            ) from refusal
    return Scenario(path.stem, description, tuple(entries))


def _entry(table: Mapping[str, Any]) -> Entry:
    wanted = {key: value for key, value in table.items() if key not in WHEN}
    if "fault" not in wanted:
        raise Refusal(400, f'it names no fault; say fault = "{next(iter(KNOWN))}"')
    Faults().switch_on(wanted, 0)
    at_s, after = _number(table, "at_s"), _number(table, "after_orders")
    if after % 1:
        raise Refusal(400, f"after_orders must be a whole number, not {table['after_orders']!r}")
    return Entry(wanted, float(at_s), int(after))


def _number(table: Mapping[str, Any], name: str) -> Decimal:
    try:
        value = Decimal(str(table.get(name, 0)))
    except InvalidOperation:
        value = Decimal("NaN")
    if not (value.is_finite() and value >= 0):
        raise Refusal(400, f"{name} must be a number from 0 up, not {table[name]!r}")
    return value


def listed(scenarios: Iterable[Scenario]) -> str:
    """Every fault with what it takes, and the scenarios with a line each."""
    faults = [f"  {name:24} {', '.join(sorted(takes)) or '-'}" for name, takes in KNOWN.items()]
    rows = [f"  {one.name:52} {one.description}" for one in scenarios]
    return "\n".join(
        (
            "Faults and their parameters; each also takes times, for_s, symbol, path and method:",
            *faults,
            "",
            "Scenarios (cdb venue --faults F1):",
            *rows,
        )
    )


def plain(scenarios: Iterable[Scenario]) -> dict[str, Any]:
    """The same for machines."""
    return {
        "faults": {name: sorted(takes) for name, takes in KNOWN.items()},
        "scenarios": {one.name: one.description for one in scenarios},
    }
