"""Measure how far the venue's clock is from ours, and tell it once when that is too far."""

from collections.abc import Callable
from datetime import datetime

import structlog

from app.domain.clock_skew import measured
from app.domain.market import instant_text
from app.steps.ports import Announce, Audits, ClockSkews, Market

log = structlog.get_logger()

CURE = "set this machine's clock, for example by NTP"


def check_clock(
    *, market: Market, skews: ClockSkews, audits: Audits, announce: Announce, now: Callable[[], datetime]
) -> int:
    """How many milliseconds the venue's clock is ahead. Unavailable leaves what was measured before."""
    before = skews.read()
    skew = measured(market.time_us, now).after(before)
    was_off = before is not None and before.off_since is not None
    if skew.off_since is not None and not was_off:
        told = {"offset_ms": skew.offset_ms, "blur_ms": skew.blur_ms, "since": instant_text(skew.off_since)}
        log.warning("the venue's clock is far from ours", **told, cure=CURE)
        audits.write("clock.off", "upkeep", told, skew.at)
        announce("system_health", "upkeep", {"alarm": "clock", **told}, skew.at)
    elif was_off and skew.off_since is None:
        log.info("the venue's clock is near ours again", offset_ms=skew.offset_ms)
    skews.write(skew)  # after the telling: what is written counts as told
    return skew.offset_ms
