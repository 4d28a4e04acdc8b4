"""The pages of docs/reference say what the code is."""

import re
from pathlib import Path

import pytest

from app.web.application import application
from app.wiring import Console
from models import Base
from reference.pages import PAGES, api_page, commands_page, tables_page, write

FOLDER = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_current(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "run: make reference"


def test_no_page_is_left_over() -> None:
    assert {page.name for page in FOLDER.iterdir()} == set(PAGES)


def test_all_pages_are_written(tmp_path: Path) -> None:
    write(tmp_path / "new")

    assert {page.name: page.read_text() for page in (tmp_path / "new").iterdir()} == {
        name: page() for name, page in PAGES.items()
    }


def test_every_table_and_column_is_told() -> None:
    page = tables_page()
    for table in Base.metadata.tables.values():
        assert f"## {table.name}\n" in page
        assert all(f"| `{column.name}` |" in page for column in table.columns)
        assert all(column.doc for column in table.columns), table.name


def test_commands_within_commands_are_told() -> None:
    page = commands_page()

    assert "## cdb audit verify\n" in page
    assert "| `TOPICS` | required |" in page


def test_every_request_is_told() -> None:
    page = api_page()

    assert all(f" {path}\n" in page for path in application(Console()).openapi()["paths"])


def test_what_goes_in_and_comes_out_of_a_request_is_told_to_its_last_field() -> None:
    page = api_page()
    objects = set(re.findall(r"^### (\w+)$", page, re.MULTILINE))

    assert set(re.findall(r"\[`(\w+)`\]\(#\w+\)", page)) == objects
    assert "Takes: [`RerunOne`](#rerunone)." in page
    assert "| `span` | query | `1h`, `6h`, `24h`, `7d`, `30d`, `all` | `24h` | How far back. |" in page
    assert "### HTTPValidationError" not in page, "our own words are answered instead"


def test_what_a_command_takes_where_nothing_is_said_is_told() -> None:
    assert "| `--wait` | `60s` |" in commands_page()
