"""Hand on again the closed bars that nobody has searched: a lost message costs seconds, no signal."""

from datetime import datetime, timedelta

import structlog

from app.domain.market import BarClose, instant_text
from app.steps.ports import Bars, HandOn, Resting

log = structlog.get_logger()

CLOSES_AT_ONCE = 200
UNTIMED = 0  # when its tick came in is not known any more


def sweep_closes(
    *,
    bars: Bars,
    searched: Resting[BarClose],
    hand_on: HandOn,
    at: datetime,
    patience: timedelta,
    worth: timedelta,
    limit: int = 5000,
) -> int:
    """How many were handed on; bars that closed more than `worth` ago give no order any more and stay alone."""
    forgotten = searched.due(bars.closes(at - worth, at - patience, limit), at)
    for first in range(0, len(forgotten), CLOSES_AT_ONCE):
        hand_on.closes(forgotten[first : first + CLOSES_AT_ONCE], f"sweep-{instant_text(at)}", UNTIMED)
    searched.quiet(forgotten, at, at + patience)
    if forgotten:
        log.info("bars are searched again", bars=len(forgotten))
    return len(forgotten)
