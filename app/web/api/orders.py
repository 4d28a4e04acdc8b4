"""Orders, and the story of one."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import StreamingResponse

from app import wiring
from app.domain.orders import Leg, OrderState, Side
from app.store import Story
from app.store.listings import Wanted
from app.web.access import Reader
from app.web.api import csv
from app.web.api.asked import PLAIN, Descending, Limit, Offset, Since, Symbol, Until, Word
from app.web.models import OrderPage, OrderSeen
from app.web.problems import answers

router = APIRouter(tags=["orders and trades"])
Sort = Literal["created_at", "symbol", "state", "leg", "price", "amount", "filled"]
Name = Annotated[
    str,
    Path(
        min_length=1,
        max_length=64,
        pattern=PLAIN,
        description="Its client order id, the first six or more characters of it, or the venue's id.",
    ),
]
COLUMNS = tuple(OrderSeen.model_fields)


async def wanted(
    symbol: Symbol = "",
    state: OrderState | None = None,
    side: Side | None = None,
    leg: Leg | None = None,
    text: Annotated[Word, Query(description="The beginning of its client order id, or of the venue's id.")] = "",
    since: Since = None,
    until: Until = None,
    sort: Sort = "created_at",
    descending: Descending = True,
) -> Wanted:
    """Which orders."""
    return Wanted(
        symbol=symbol,
        state=state or "",
        side=side or "",
        leg=leg or "",
        text=text,
        since=since,
        until=until,
        sort=sort,
        descending=descending,
    )


Which = Annotated[Wanted, Depends(wanted)]


@router.get("/orders", responses=answers(422, 503))
def orders(visitor: Reader, which: Which, limit: Limit = 50, offset: Offset = 0) -> OrderPage:
    """Orders, newest first if nothing else is asked for."""
    return _page(which, limit, offset)


@router.get("/orders.csv", response_class=StreamingResponse, responses={200: csv.CONTENT, **answers(422, 503)})
def orders_as_csv(visitor: Reader, which: Which) -> StreamingResponse:
    """The same as a file."""
    pages = csv.pages(lambda limit, offset: _page(which, limit, offset).rows)
    return csv.attached("orders.csv", COLUMNS, pages)


@router.get("/orders/{name}", responses=answers(404, 422, 503))
def story(visitor: Reader, name: Name) -> Story:
    """The whole story of an order, from the ticks to its profit: what `cdb explain ORDER --json` tells."""
    return wiring.stories().of(name)


def _page(which: Wanted, limit: int, offset: int) -> OrderPage:
    page = wiring.listings().orders(replace(which, limit=limit, offset=offset))
    return OrderPage(rows=[OrderSeen.of(order) for order in page.rows], total=page.total)
