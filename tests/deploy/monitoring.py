"""What is shipped for Prometheus and Alertmanager, and what the farm exports, as tests of both read it."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from app.metrics import FAMILIES, TaskMetrics
from app.metrics.counted import NAME
from app.metrics.endpoint import HEALTH
from app.metrics.families import AGE
from app.metrics.resources import Resources
from app.metrics.totals import NAMES
from tests.fixtures._required import program

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))

# What is a name in PromQL and no metric: functions are followed by a bracket, labels stand in brackets.
WORDS = {"and", "or", "unless", "offset", "by", "on", "without", "ignoring", "bool"}
OWN = {"up", "ALERTS"}


def read(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text())


def rules(kind: str) -> dict[str, dict[str, Any]]:
    """All of a kind, `alert` or `record`, by their name; two of one name are a mistake."""
    found = [rule for path in RULES for group in read(path)["groups"] for rule in group["rules"] if kind in rule]
    named = {rule[kind]: rule for rule in found}
    assert len(named) == len(found), f"two rules ({kind}) have one name"
    return named


def metrics_in(query: str) -> set[str]:
    """The names of metrics and of recording rules in a query."""
    bare = re.sub(r'"[^"]*"', "", query)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", bare)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", "", bare)
    names = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\w)(?!\s*\()", bare)
    return set(names) - WORDS


def exported() -> set[str]:
    """The names of all samples that the farm's services tell."""
    counted = {f"{name}_total" for name in NAMES} | {"venue_answers_total", NAME}
    return set(FAMILIES) | {AGE, HEALTH} | counted | set(_of_tasks()) | set(_of_resources())


def known() -> set[str]:
    """Whatever a query may name."""
    return exported() | set(rules("record")) | OWN


def ran(kind: str, name: str, *arguments: object) -> str:
    """What a program says; the test is skipped without it, or fails where it is required, as if it ends badly."""
    package = f"prometheus{'-alertmanager' if kind == 'alertmanager' else ''}"
    found = program(kind, f"install Debian's package {package}", name)
    ended = subprocess.run([found, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def _of_tasks() -> Iterator[str]:
    for metric in vars(TaskMetrics()).values():
        for family in metric.describe():
            if family.type == "histogram":
                yield from (f"{family.name}_{part}" for part in ("bucket", "count", "sum"))
            else:
                yield family.name


def _of_resources() -> Iterator[str]:
    for family in Resources("any").collect():
        yield from (sample.name for sample in family.samples)
