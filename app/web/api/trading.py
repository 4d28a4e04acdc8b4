"""The trading state: halt, reduce, resume, flatten. Who and why are audited, as by command."""

import structlog
from fastapi import APIRouter, BackgroundTasks, Request

from app import trading_state
from app.domain.risk import TradingState
from app.web.access import Changer, Visitor
from app.web.api.why import Why, who
from app.web.flattening import Flattening
from app.web.models import StateChanged
from app.web.problems import answers

log = structlog.get_logger()

router = APIRouter(prefix="/trading", tags=["trading state"])


@router.post("/halt", responses=answers(409, 422, 503))
def halt(why: Why, visitor: Changer) -> StateChanged:
    """Stop trading: entries are withdrawn, only protective and operator exits go on."""
    withdrawn = trading_state.halt(why.reason, who(why, visitor))
    return _told(StateChanged(trading_state=TradingState.HALTED, withdrawn=withdrawn), why, visitor)


@router.post("/reduce", responses=answers(409, 422, 503))
def reduce(why: Why, visitor: Changer) -> StateChanged:
    """Enter nothing more, only exit. 409 while trading is HALTED, which is stricter."""
    trading_state.reduce(why.reason, who(why, visitor))
    return _told(StateChanged(trading_state=TradingState.REDUCING), why, visitor)


@router.post("/resume", responses=answers(409, 422, 503))
def resume(why: Why, visitor: Changer) -> StateChanged:
    """Trade again; what tripped the breaker counts no longer, and the new marks of the day are told."""
    marks = trading_state.resume(why.reason, who(why, visitor))
    if marks is None:
        return StateChanged(trading_state=TradingState.ACTIVE, note="It was ACTIVE already; nothing was changed.")
    done = StateChanged(trading_state=TradingState.ACTIVE, day_open=marks.day_open, day_high=marks.day_high)
    return _told(done, why, visitor)


@router.post("/flatten", status_code=202, responses=answers(409, 422, 503))
def flatten(why: Why, visitor: Changer, request: Request, later: BackgroundTasks) -> StateChanged:
    """Halt, and sell all that open trades hold. The farm does it: this asks for it, and for a minute again."""
    flattening: Flattening = request.app.state.flattening
    withdrawn = trading_state.halt(f"flatten: {why.reason}", who(why, visitor))
    left = trading_state.leave_trades(why.reason)
    if left:
        later.add_task(flattening.go_on, why.reason)
    done = StateChanged(trading_state=TradingState.HALTED, withdrawn=withdrawn, trades_left=left)
    return _told(done, why, visitor)


def _told(done: StateChanged, why: Why, visitor: Visitor) -> StateChanged:
    log.warning("trading state set", state=done.trading_state, reason=why.reason, by=who(why, visitor))
    return done
