"""The curve of equity."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from app import wiring
from app.store.listings import steps
from app.web.access import Reader
from app.web.models import Curve, CurvePoint
from app.web.problems import answers

router = APIRouter(tags=["farm"])
POINTS = 600
SPANS = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
Span = Literal["1h", "6h", "24h", "7d", "30d", "all"]
Back = Annotated[Span, Query(description="How far back.")]


@router.get("/equity", responses=answers(503))
def equity(request: Request, visitor: Reader, span: Back = "24h") -> Curve:
    """Equity over time with its drawdown; long spans are read again only when a step has passed."""
    curve: Curve = request.app.state.curves(span, lambda: _read(span))
    return curve


def _read(span: Span) -> Curve:
    until = wiring.now()
    began = wiring.listings().began() or until
    since = max(began, until - SPANS[span]) if span in SPANS else began
    step = steps(since, until, POINTS)
    points = wiring.listings().curve(since, until, step)
    told = [CurvePoint(at=one.at, equity=one.equity, lowest=one.lowest, drawdown=one.drawdown) for one in points]
    return Curve(since=since, until=until, step_s=step.total_seconds(), points=told)
