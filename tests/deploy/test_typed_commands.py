"""What the pages tell one to type to Compose and Kubernetes is taken by their own parsers, and names what there is."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fixtures._pages import shown_lines
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures._required import do_without, program
from tests.fixtures.compose import ROOT, compose

DOCS = ROOT / "docs"
NOBODY = "http://127.0.0.1:1"
UNITS = {path.stem for path in (ROOT / "deploy" / "systemd").glob("*.service")} | {"postgresql", "redis-server"}
PARSE = """
import json, sys
from compose.cli.docopt_command import DocoptDispatcher
from compose.cli.main import TopLevelCommand
given = DocoptDispatcher(TopLevelCommand, {"options_first": True, "version": ""}).parse(sys.argv[1:])[2]
print(json.dumps(given))
"""


def typed(program: str) -> Iterator[list[str]]:
    """The words after a program's name, wherever a page shows it; what the reader fills in is filled in."""
    for page in sorted(DOCS.rglob("*.md")):
        for line in shown_lines(page.read_text(encoding="utf-8")):
            for command in line.split("&&"):
                if command.strip().startswith(f"{program} "):
                    yield shlex.split(command.strip().removeprefix(program), comments=True)


def filled_in(words: list[str], **values: str) -> list[str]:
    """What stands for a name, before any command (`exec CONTAINER`, `exec POD --`), or for what a script makes."""
    more = ["cdb", "status"] if words[-2:-1] == ["exec"] or words[-1] == "--" else []
    return [re.sub("|".join(values), lambda found: values[found[0]], word) for word in [*words, *more]]


SECRETS = {"deploy/kubernetes/secrets": "deploy/compose"}
COMPOSE = [filled_in(words, NAME="cdb_execution") for words in typed("docker compose")]
KUBECTL = [filled_in(words, NAME="cdb-execution", **SECRETS) for words in typed("kubectl")]
SYSTEMCTL = list(typed("systemctl"))


@pytest.mark.parametrize("words", COMPOSE, ids=" ".join)
def test_compose_takes_it_and_knows_the_container(words: list[str]) -> None:
    given = parsed(words)
    services = given.get("SERVICE") or []

    known = {name for profile in ("paper", "notify", "books") for name in compose(profile=profile)["services"]}
    assert {services} if isinstance(services, str) else set(services) <= known


def parsed(words: list[str]) -> dict[str, Any]:
    """By Compose's own parser; nothing is done."""
    first = Path(program("docker-compose", "install Debian's package docker-compose")).read_bytes().partition(b"\n")[0]
    if not first.startswith(b"#!"):
        do_without("docker-compose", "this one is no Python program, and tells nobody how it parses")
    python = first.decode().removeprefix("#!").split()
    ran = subprocess.run([*python, "-c", PARSE, *words], capture_output=True, text=True, timeout=PATIENCE_S)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("words", KUBECTL, ids=" ".join)
def test_kubectl_takes_it_and_would_ask_the_cluster(words: list[str]) -> None:
    ran = kubectl(*words)

    assert "refused" in ran.stderr, ran.stderr
    named = {
        word.partition("/")[2] for word in words if word.startswith(("deploy/", "service/")) and word.count("/") == 1
    }
    assert named <= objects()


def kubectl(*words: str) -> "subprocess.CompletedProcess[str]":
    """With no cluster behind it."""
    command = [program("kubectl", "it parses; no cluster is needed"), f"--server={NOBODY}", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)


def objects() -> set[str]:
    """Names of what is applied."""
    built = kubectl("kustomize", "deploy/kubernetes/paper").stdout
    return {one["metadata"]["name"] for one in yaml.safe_load_all(built)}


@pytest.mark.parametrize("words", SYSTEMCTL, ids=" ".join)
def test_systemd_is_asked_for_units_that_there_are(words: list[str]) -> None:
    verb, unit = words

    assert verb in {"status", "restart", "stop", "start", "enable"}
    assert unit in UNITS


def test_all_three_are_told_to_do_something() -> None:
    assert min(map(len, (COMPOSE, KUBECTL, SYSTEMCTL))) > 3


@pytest.mark.parametrize("wrong", ["exec", "restart --softly cdb_execution", "explode"])
def test_what_compose_does_not_take_would_be_found(wrong: str) -> None:
    with pytest.raises((AssertionError, json.JSONDecodeError)):
        parsed(wrong.split())


def test_what_kubectl_does_not_take_would_be_found() -> None:
    assert "refused" not in kubectl("logs", "deploy/x", "--softly").stderr
