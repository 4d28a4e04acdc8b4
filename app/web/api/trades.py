"""Trades."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from app import wiring
from app.domain.portfolio import TradeStatus
from app.store.listings import Wanted
from app.web.access import Reader
from app.web.api import csv
from app.web.api.asked import Descending, Limit, Offset, Since, Symbol, Until, Word
from app.web.models import TradePage, TradeSeen
from app.web.problems import answers

router = APIRouter(tags=["orders and trades"])
Sort = Literal["opened_at", "closed_at", "symbol", "status", "bought", "fees", "realised"]
COLUMNS = tuple(TradeSeen.model_fields)


async def wanted(
    symbol: Symbol = "",
    status: TradeStatus | None = None,
    strategy: Word = "",
    since: Since = None,
    until: Until = None,
    sort: Sort = "opened_at",
    descending: Descending = True,
) -> Wanted:
    """Which trades."""
    return Wanted(
        symbol=symbol,
        state=status or "",
        strategy=strategy,
        since=since,
        until=until,
        sort=sort,
        descending=descending,
    )


Which = Annotated[Wanted, Depends(wanted)]


@router.get("/trades", responses=answers(422, 503))
def trades(visitor: Reader, which: Which, limit: Limit = 50, offset: Offset = 0) -> TradePage:
    """Trades, newest first if nothing else is asked for."""
    return _page(which, limit, offset)


@router.get("/trades.csv", response_class=StreamingResponse, responses={200: csv.CONTENT, **answers(422, 503)})
def trades_as_csv(visitor: Reader, which: Which) -> StreamingResponse:
    """The same as a file."""
    pages = csv.pages(lambda limit, offset: _page(which, limit, offset).rows)
    return csv.attached("trades.csv", COLUMNS, pages)


def _page(which: Wanted, limit: int, offset: int) -> TradePage:
    page = wiring.listings().trades(replace(which, limit=limit, offset=offset))
    return TradePage(rows=[TradeSeen.of(trade) for trade in page.rows], total=page.total)
