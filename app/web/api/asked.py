"""What questions about lists have in common: words that no database stumbles over, parts, and times with a zone."""

from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime, BeforeValidator

PLAIN = r"^[^\x00-\x1f]*$"


def _written(value: object) -> object:
    """As a date and a time: a bare number could be seconds, milliseconds or a year."""
    if isinstance(value, str) and "T" not in value.upper():
        raise ValueError("write it as 2024-11-20T12:00:00Z")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_written)]

Word = Annotated[str, Query(max_length=80, pattern=PLAIN)]
Symbol = Annotated[str, Query(max_length=40, pattern=PLAIN, description="Such as BTC/USDT.")]
Since = Annotated[Instant | None, Query(description="Then or later; with its time zone.")]
Until = Annotated[Instant | None, Query(description="Before then; with its time zone.")]
Limit = Annotated[int, Query(ge=1, le=500, description="How many.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="How many are left out before them.")]
Descending = Annotated[bool, Query(description="The largest, or newest, first.")]
