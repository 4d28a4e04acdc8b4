"""Rows as a file for a spreadsheet."""

import csv as files
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import Any, TypeVar

from fastapi.responses import StreamingResponse
from pydantic import BaseModel

Row = TypeVar("Row", bound=BaseModel)

MOST, AT_ONCE = 100_000, 1000
FORMULA = ("=", "+", "-", "@", "\t", "\r")
CONTENT = {"content": {"text/csv": {}}, "description": f"The newest {MOST:,} rows at most, the first line names them."}


def pages(read: Callable[[int, int], Sequence[Row]]) -> Iterator[Row]:
    """All rows, some at a time; `read` is called with how many and after how many."""
    for offset in range(0, MOST, AT_ONCE):
        rows = read(AT_ONCE, offset)
        yield from rows
        if len(rows) < AT_ONCE:
            return


def attached(name: str, columns: Sequence[str], rows: Iterable[Row]) -> StreamingResponse:
    """A file to be saved under this name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_lines(columns, rows), media_type="text/csv", headers=headers)


def _lines(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    yield _line(columns)
    for row in rows:
        yield _line([plain(getattr(row, column)) for column in columns])


def _line(cells: Sequence[str]) -> str:
    paper = StringIO()
    files.writer(paper).writerow(cells)
    return paper.getvalue()


def plain(value: Any) -> str:
    """A cell; a text that a spreadsheet would take for a formula is quoted, a number is not."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
