"""Each runbook begins with how one sees it, and each command of ours in it, or in the tutorial, is one.

What the commands do is tried where they are: this only sees that nobody is told to type what does not exist.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli.main import cdb
from tests.fixtures._pages import shown_lines

FOLDER = Path(__file__).parents[2] / "docs" / "runbooks"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
TUTORIAL = FOLDER.parent / "tutorial.md"
WRONG_USAGE: Any = typer.BadParameter.__bases__[0]
RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"


def commands(text: str) -> Iterator[list[str]]:
    """What stands in blocks, and in the text with more than a name behind `cdb`."""
    for line in shown_lines(text):
        if line.startswith("cdb "):
            yield shlex.split(line, comments=True)[1:]


def parse(words: list[str]) -> None:
    """The command that these words begin with is one, and takes the rest of them; nothing is run."""
    found: Any = typer.main.get_command(cdb)
    while hasattr(found, "commands") and words:
        name, *words = words
        assert name in found.commands, f"there is no command {name}"
        found = found.commands[name]
    found.make_context(found.name, words)


@pytest.mark.parametrize("page", [*PAGES, TUTORIAL], ids=lambda path: path.stem)
def test_each_command_that_one_is_told_to_type_is_one(page: Path) -> None:
    found = list(commands(page.read_text()))

    assert found
    for words in found:
        parse(words)


@pytest.mark.parametrize("page", [one for one in PAGES if one.stem not in ("checks",)], ids=lambda path: path.stem)
def test_each_runbook_begins_with_how_one_sees_it(page: Path) -> None:
    beginning = page.read_text().partition("\n")[2].lstrip().partition("\n\n")[0]

    assert re.match(r"\*\*(How one sees|When)", beginning), beginning


@pytest.mark.parametrize("wrong", ["failed rerun 1 --because x", "explode", "audit verify --head"])
def test_what_is_no_command_would_be_found(wrong: str) -> None:
    with pytest.raises((AssertionError, WRONG_USAGE)):
        parse(wrong.split())


def test_every_runbook_that_an_alert_names_is_there_and_is_listed() -> None:
    named = {
        name for path in RULES.glob("*.yml") for name in re.findall(r"docs/runbooks/([\w-]+\.md)", path.read_text())
    }
    listed = set(re.findall(r"\(([\w-]+\.md)\)", (FOLDER / "README.md").read_text()))

    assert named <= {page.name for page in PAGES}
    assert listed == {page.name for page in PAGES}
