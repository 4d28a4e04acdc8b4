"""Rows for a spreadsheet."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import BaseModel

from app.web.api import csv


class Number(BaseModel):
    """A row."""

    number: int


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (Decimal("-0.50"), "-0.50"),
        (Decimal("1E+3"), "1000"),
        (datetime(2024, 11, 20, 12, tzinfo=UTC), "2024-11-20T12:00:00Z"),
        ("plain", "plain"),
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("@x", "'@x"),
        (7, "7"),
    ],
)
def test_a_cell_is_exact_and_never_a_formula(value: object, cell: str) -> None:
    assert csv.plain(value) == cell


@pytest.mark.parametrize("count", [0, 1, csv.AT_ONCE, csv.AT_ONCE + 1])
def test_all_rows_are_read_some_at_a_time(count: int) -> None:
    asked = []

    def read(limit: int, offset: int) -> Sequence[Number]:
        asked.append((limit, offset))
        return [Number(number=number) for number in range(offset, min(count, offset + limit))]

    assert [row.number for row in csv.pages(read)] == list(range(count))
    assert max(limit for limit, _ in asked) == csv.AT_ONCE


def test_there_is_an_end_to_what_is_exported() -> None:
    rows = csv.pages(lambda limit, offset: [Number(number=offset)] * limit)

    assert sum(1 for _ in rows) == csv.MOST
