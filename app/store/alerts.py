"""Alerts and how far they were brought (`alerts`, `deliveries`): a box from which each channel takes its own."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.orm import Session

from app.domain.alerts import Alert, Kind, Severity
from app.domain.letters import storable
from app.domain.notices import Notice, Part
from app.store.database import Database
from app.store.inserts import insert_new
from models import AlertRow, DeliveryRow

WAITING, SENT, GIVEN_UP = "waiting", "sent", "given up"
KEY, ABOUT, TITLE, TEXT = 240, 200, 300, 4_000  # characters
MOST = 100  # that a channel takes at once


@dataclass(frozen=True, slots=True)
class ListedAlert:
    """An alert as a person sees it in a list; `undelivered` are the channels that have not brought all of it."""

    alert: Alert
    at: datetime
    over_at: datetime | None
    undelivered: Sequence[str]


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How a channel stands: what waits for it, what was given up, and what its last failure was."""

    channel: str
    sent: int
    waiting: int
    given_up: int
    error: str


class Alerts:
    """Keeps what is to be told; whoever keeps the same a second time keeps nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def happen(self, alerts: Sequence[Alert], channels: Collection[str], at: datetime) -> int:
        """Keep what is over as soon as it has happened; how many were new."""
        if not self._unknown(alerts):
            return 0
        with self._database.writing() as session:
            return sum(_born(session, one, channels, at, over=True) for one in alerts)

    def stand(
        self,
        alerts: Sequence[Alert],
        kinds: Collection[Kind],
        channels: Collection[str],
        at: datetime,
        again: timedelta,
    ) -> int:
        """Keep which alerts of these kinds stand now: new ones, those that last for `again`, and those that are over.

        How many parts were put into the box of each channel; nothing is written if there are none.
        """
        wanted = {_key(alert): alert for alert in alerts}
        if not self._changes(wanted, kinds, at - again):
            return 0
        told = 0
        with self._database.writing() as session:
            for row in session.scalars(_standing(kinds).with_for_update()):
                alert = wanted.pop(row.key, None)
                if alert is None:
                    row.over_at, row.open_key = at, None
                    told += _put(session, row.id, Part.OVER, channels, at)
                    continue
                row.severity, row.title, row.text = _words(alert)
                if row.told_at <= at - again:
                    row.told_at = at
                    told += _put(session, row.id, Part.LASTS, channels, at)
            told += sum(_born(session, one, channels, at, over=False) for one in wanted.values())
        return told

    def claim(self, channel: str, at: datetime, lease: timedelta, limit: int = MOST) -> list[Notice]:
        """What waits for a channel, oldest first: its own until `lease` is over, when it waits again."""
        mine = DeliveryRow.channel == channel, DeliveryRow.state == WAITING, DeliveryRow.next_at <= at
        if not self._any(select(DeliveryRow.id).where(*mine)):
            return []
        query = (
            select(DeliveryRow, AlertRow)
            .join(AlertRow, AlertRow.id == DeliveryRow.alert_id)
            .where(*mine)
            .order_by(DeliveryRow.id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=DeliveryRow)
        )
        with self._database.writing() as session:
            claimed = [(delivery, row) for delivery, row in session.execute(query)]
            for delivery, _ in claimed:
                delivery.attempts += 1
                delivery.next_at = at + lease
            return [_notice(delivery, row) for delivery, row in claimed]

    def deliver(self, notices: Iterable[Notice], at: datetime) -> None:
        """They were brought."""
        self._end(notices, state=SENT, sent_at=at, error="")

    def defer(self, notices: Iterable[Notice], error: str, until: datetime) -> None:
        """They could not be brought, and are tried again then."""
        self._end(notices, next_at=until, error=storable(error, TITLE))

    def give_up(self, before: datetime) -> int:
        """What has waited since before then is brought no more; how many."""
        old = DeliveryRow.state == WAITING, DeliveryRow.timestamp < before
        if not self._any(select(DeliveryRow.id).where(*old)):
            return 0
        with self._database.writing() as session:
            gone = update(DeliveryRow).where(*old).values(state=GIVEN_UP).returning(DeliveryRow.id)
            return len(session.scalars(gone).all())

    def forget(self, before: datetime) -> int:
        """Drop what was over before then; how many alerts went."""
        old = select(AlertRow.id).where(AlertRow.over_at < before)
        with self._database.writing(durable=False) as session:
            session.execute(delete(DeliveryRow).where(DeliveryRow.alert_id.in_(old)))
            gone = delete(AlertRow).where(AlertRow.over_at < before).returning(AlertRow.id)
            return len(session.scalars(gone).all())

    def listed(self, limit: int, *, standing_only: bool = False) -> list[ListedAlert]:
        """The newest, newest first; those that stand before all others."""
        query = select(AlertRow).order_by(AlertRow.over_at.is_not(None), AlertRow.id.desc()).limit(limit)
        if standing_only:
            query = query.where(AlertRow.over_at.is_(None))
        with self._database.reading() as session:
            rows = session.scalars(query).all()
            left = select(DeliveryRow.alert_id, DeliveryRow.channel).where(
                DeliveryRow.alert_id.in_([row.id for row in rows]), DeliveryRow.state != SENT
            )
            undelivered: dict[int, set[str]] = {}
            for alert_id, channel in session.execute(left):
                undelivered.setdefault(alert_id, set()).add(channel)
            return [
                ListedAlert(_alert(row), row.timestamp, row.over_at, sorted(undelivered.get(row.id, ())))
                for row in rows
            ]

    def standing(self) -> dict[str, int]:
        """How many alerts stand, by kind."""
        query = select(AlertRow.kind, func.count()).where(AlertRow.over_at.is_(None)).group_by(AlertRow.kind)
        with self._database.reading() as session:
            return {str(kind): count for kind, count in session.execute(query)}

    def channels(self) -> list[ChannelState]:
        """How each channel stands that ever had something to bring."""
        counts = select(DeliveryRow.channel, DeliveryRow.state, func.count()).group_by(
            DeliveryRow.channel, DeliveryRow.state
        )
        failed = select(DeliveryRow.channel, DeliveryRow.error).where(DeliveryRow.error != "").order_by(DeliveryRow.id)
        with self._database.reading() as session:
            by_state = {(channel, state): count for channel, state, count in session.execute(counts)}
            errors = {channel: str(error) for channel, error in session.execute(failed)}
        names = sorted({channel for channel, _ in by_state})
        return [
            ChannelState(
                name,
                sent=by_state.get((name, SENT), 0),
                waiting=by_state.get((name, WAITING), 0),
                given_up=by_state.get((name, GIVEN_UP), 0),
                error=errors.get(name, ""),
            )
            for name in names
        ]

    def _unknown(self, alerts: Sequence[Alert]) -> bool:
        keys = {_key(alert) for alert in alerts}
        with self._database.reading() as session:
            return bool(keys - set(session.scalars(select(AlertRow.open_key).where(AlertRow.open_key.in_(keys)))))

    def _changes(self, wanted: dict[str, Alert], kinds: Collection[Kind], told_before: datetime) -> bool:
        with self._database.reading() as session:
            rows = {row.key: row for row in session.scalars(_standing(kinds))}
        return rows.keys() != wanted.keys() or any(
            row.told_at <= told_before or (row.severity, row.title, row.text) != _words(wanted[key])
            for key, row in rows.items()
        )

    def _any(self, query: Select[int]) -> bool:
        with self._database.reading() as session:
            return session.scalar(query.limit(1)) is not None

    def _end(self, notices: Iterable[Notice], **values: object) -> None:
        numbers = [notice.number for notice in notices]
        with self._database.writing() as session:
            mine = DeliveryRow.id.in_(numbers), DeliveryRow.state == WAITING
            session.execute(update(DeliveryRow).where(*mine).values(**values))


def _standing(kinds: Collection[Kind]) -> Select[AlertRow]:
    return select(AlertRow).where(AlertRow.over_at.is_(None), AlertRow.kind.in_(kinds)).order_by(AlertRow.id)


def _born(session: Session, alert: Alert, channels: Collection[str], at: datetime, *, over: bool) -> int:
    key = _key(alert)
    severity, title, text = _words(alert)
    what = {"key": key, "open_key": key, "kind": alert.kind, "about": storable(alert.about, ABOUT)}
    words = {"severity": severity, "title": title, "text": text}
    when = {"timestamp": at, "told_at": at, "over_at": at if over else None}
    if not insert_new(session, AlertRow, [{**what, **words, **when}], ("open_key",)):
        return 0  # another has kept it just now
    number = session.scalars(select(AlertRow.id).where(AlertRow.open_key == key)).one()
    _put(session, number, Part.HAPPENED if over else Part.RAISED, channels, at)
    return 1


def _put(session: Session, alert_id: int, part: Part, channels: Collection[str], at: datetime) -> int:
    common = {"alert_id": alert_id, "part": part, "state": WAITING, "attempts": 0, "error": ""}
    session.add_all(DeliveryRow(channel=one, timestamp=at, next_at=at, **common) for one in channels)
    return 1


def _key(alert: Alert) -> str:
    return storable(alert.key, KEY)


def _words(alert: Alert) -> tuple[str, str, str]:
    return str(alert.severity), storable(alert.title, TITLE), storable(alert.text, TEXT)


def _alert(row: AlertRow) -> Alert:
    return Alert(Kind(row.kind), row.about, Severity(row.severity), row.title, row.text)


def _notice(delivery: DeliveryRow, row: AlertRow) -> Notice:
    return Notice(delivery.id, _alert(row), Part(delivery.part), delivery.timestamp, delivery.attempts)
