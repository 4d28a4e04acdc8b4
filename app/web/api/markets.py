"""Bars with what strategies see in them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from app import wiring
from app.web import charts
from app.web.access import Reader
from app.web.api.asked import PLAIN, Instant
from app.web.models import Bars, Markets
from app.web.problems import Refusal, answers

router = APIRouter(tags=["market"])
Symbol = Annotated[str, Query(min_length=1, max_length=40, pattern=PLAIN, description="Such as BTC/USDT.")]
Interval = Annotated[str, Query(max_length=8, pattern=PLAIN, description="One of those that the farm makes.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many bars.")]
Before = Annotated[Instant | None, Query(description="Bars that had ended by then; the newest if not given.")]


@router.get("/markets", responses=answers(503))
def markets(visitor: Reader) -> Markets:
    """Symbols that were heard, and the intervals of bars."""
    return Markets(symbols=wiring.prices().symbols(), intervals=list(wiring.settings().bar_intervals))


@router.get("/bars", responses=answers(404, 422, 503))
def bars(
    request: Request,
    visitor: Reader,
    symbol: Symbol,
    interval: Interval = "",
    limit: Limit = 300,
    before: Before = None,
) -> Bars:
    """Closed bars, the strategies' indicators for each, and what was bought and sold. None of an unknown symbol."""
    known = wiring.settings().bar_intervals
    chosen = interval or known[0]
    if chosen not in known:
        raise Refusal(404, f"The farm makes no bars of {chosen}.", f"Ask for {' or '.join(known)}.")
    if before is not None:
        return charts.until(symbol, chosen, before, limit)
    found: Bars = request.app.state.charts.newest(symbol, chosen, limit)
    return found
