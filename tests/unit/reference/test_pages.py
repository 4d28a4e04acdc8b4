"""The pages of docs/reference say what the code is."""

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
