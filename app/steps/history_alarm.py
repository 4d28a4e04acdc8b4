"""Tell that a history is outdated: once in the log and in the audits, and as long as it lasts to doctor and status."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from app.domain.history import Outdated
from app.domain.market import instant_text, microseconds
from app.steps.ports import Audits, Market, OutdatedHistories

log = structlog.get_logger()

LATELY_US = 60_000_000
PRINTS_US = 3_600_000_000  # so far back one request tells them


@dataclass(frozen=True, slots=True)
class Alarm:
    """`at` is the venue's time."""

    histories: OutdatedHistories
    audits: Audits
    at: datetime

    def rise(self, one: Outdated, ended: datetime) -> None:
        """It is, or was until just now: it had `ended` there. What is new is told to people."""
        if one.name not in self.histories.all():
            age_s = round((self.at - ended).total_seconds())
            told = {"symbol": one.symbol, "interval": one.interval, "age_s": age_s, "reason": one.reason}
            log.warning("history is outdated", **told)
            self.audits.write("history.outdated", "upkeep", {**told, "ended": instant_text(ended)}, self.at)
        self.histories.tell(one)

    def end(self, name: str) -> None:
        """It is not outdated, or not any more."""
        if name in self.histories.all():
            self.histories.end(name)
            log.info("history is up to date again", history=name)


def traded(market: Market, symbol: str, since: datetime, until: datetime) -> bool:
    """Whether the venue tells prints of that time, or of its last hour: a market that was quiet makes no bars."""
    since_us, until_us = microseconds(since), microseconds(until)
    lately_us = max(since_us, until_us - LATELY_US)
    if market.prints(symbol, lately_us, until_us):  # in a busy market the whole time would be many requests
        return True
    return bool(market.prints(symbol, max(since_us, until_us - PRINTS_US), lately_us))
