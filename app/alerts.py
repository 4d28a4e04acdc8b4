"""Looks for what a person should be told, and keeps it; what cannot be read just now is left as it was."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import wiring
from app.domain import alerts as judging
from app.domain.alerts import Alert, Heard, Kind, Lasting
from app.domain.days import report
from app.figures import QUEUES
from app.store import DatabaseError

log = structlog.get_logger()

LOOKED_BACK = timedelta(hours=1)  # how old what happened while nobody looked may be, and is still told
IN_BOOKS = (Kind.ORDER, Kind.POSITION, Kind.LETTER, Kind.BOOKS)
IN_MESSAGES = (Kind.QUEUE, Kind.FEED, Kind.CLOCK, Kind.SERVICE)
DATABASE_AWAY = (DatabaseError, SQLAlchemyError)


@dataclass
class Lookout:
    """Looks once each `look`; `tell` brings what the database cannot keep, because it is what is away."""

    tell: Callable[[Alert], None]
    _lasting: Lasting = field(default_factory=Lasting)
    _heard: list[Alert] = field(default_factory=list)
    _away_since: datetime | None = None
    _told_away: bool = False
    _reported: date | None = None

    def look(self, at: datetime) -> None:
        """Keep what stands and what happened."""
        kinds = {*IN_BOOKS, Kind.SERVER}
        redis = self._redis(at)
        if not redis:
            kinds.update(IN_MESSAGES)
        try:
            self._keep(redis, kinds, at)
        except DATABASE_AWAY as error:
            self._database_is_away(str(error), at)
            return
        self._database_is_here(at)

    def _keep(self, redis: list[Alert], kinds: set[Kind], at: datetime) -> None:
        kept, names = wiring.troubles().read(at - LOOKED_BACK), [one.name for one in wiring.channels()]
        now = [*judging.in_books(kept, wiring.patience(), at), *self._heard, *redis]
        again = wiring.seconds("notify_again")
        outbox = wiring.alerts()
        outbox.happen(judging.happened(kept), names, at)
        self._report(names, at)
        outbox.stand([one for one in self._lasting.standing(now, at) if one.kind in kinds], kinds, names, at, again)

    def _redis(self, at: datetime) -> list[Alert]:
        """What Redis tells is heard; an alert if it tells nothing."""
        try:
            self._heard = judging.in_messages(_heard(at), wiring.patience())
        except RedisError as error:
            return [judging.silence("Redis", str(error))]
        return []

    def _report(self, names: list[str], at: datetime) -> None:
        """Tell of the day before, once its time has come; a second time is none."""
        wanted, yesterday = wiring.settings().notify_report_at, at.date() - timedelta(days=1)
        if wanted is None or self._reported == yesterday or at.time() < time.fromisoformat(wanted):
            return
        day = wiring.days().read(yesterday)
        if day.has_been:
            wiring.alerts().happen([report(day, wiring.CURRENCY)], names, at)
        self._reported = yesterday

    def _database_is_away(self, reason: str, at: datetime) -> None:
        alert = judging.silence("The database", reason.splitlines()[0])
        self._away_since = self._away_since or at
        log.warning("alerts cannot be kept", reason=reason)
        if not self._told_away and at - self._away_since >= alert.hold:
            self._told_away = True
            self.tell(alert)

    def _database_is_here(self, at: datetime) -> None:
        if self._told_away and self._away_since is not None:
            title, text = "Over: The database cannot be used", f"It was away since {self._away_since:%H:%M:%S} UTC."
            self.tell(Alert(Kind.SERVER, "The database", judging.Severity.INFO, title, text))
        self._away_since, self._told_away = None, False


def _heard(at: datetime) -> Heard:
    status, skew = wiring.feed_heard().read(), wiring.skews().read()
    is_off = skew is not None and skew.off_since is not None
    return Heard(
        feed_speaks=status is not None,
        silent=status.get("silent", ()) if status else (),
        shards=status.get("shards", 1) if status else 1,
        stale=status["stale"] if status else (),
        queues_s=wiring.queues().ages_s(QUEUES, at),
        clock_off=f"{skew}".capitalize() if is_off else "",
        ill={f"{one.service}@{one.host}": one.reason for one in wiring.healths().read(at) if not one.is_well},
    )
