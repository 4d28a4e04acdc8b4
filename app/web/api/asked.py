"""What questions about lists have in common: words that no database stumbles over, parts, and times with a zone."""

from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime

PLAIN = r"^[^\x00-\x1f]*$"

Word = Annotated[str, Query(max_length=80, pattern=PLAIN)]
Symbol = Annotated[str, Query(max_length=40, pattern=PLAIN, description="Such as BTC/USDT.")]
Since = Annotated[AwareDatetime | None, Query(description="Then or later; with its time zone.")]
Until = Annotated[AwareDatetime | None, Query(description="Before then; with its time zone.")]
Limit = Annotated[int, Query(ge=1, le=500, description="How many.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="How many are left out before them.")]
Descending = Annotated[bool, Query(description="The largest, or newest, first.")]
