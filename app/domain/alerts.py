"""What a person is told of: what happened, and what is wrong for as long as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.reconciliation import Difference
from app.domain.risk import TradingState
from app.domain.shards import unheard

SHOWN = 5  # names in a sentence; the rest is counted
CALM = timedelta(seconds=60)  # what comes and goes is told once: it must be away for so long to be over


class Severity(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Kind(StrEnum):
    """What alerts are about; the key of an alert begins with it."""

    STATE = "state"
    ORDER = "order"
    POSITION = "position"
    FEED = "feed"
    LETTER = "letter"
    BOOKS = "books"
    QUEUE = "queue"
    SERVICE = "service"
    CLOCK = "clock"
    SERVER = "server"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Alert:
    """`key` names what it is about, and is the same for as long as that is; `hold` is how long it must last first."""

    kind: Kind
    about: str
    severity: Severity
    title: str
    text: str = ""
    hold: timedelta = timedelta(0)

    @property
    def key(self) -> str:
        """Two alerts with the same are one."""
        return f"{self.kind}:{self.about}"


@dataclass(frozen=True, slots=True)
class Change:
    """The trading state was changed; `number` is that of its audit."""

    number: int
    before: str
    state: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Unclear:
    """An order of which it is not known whether the venue has it, since it was claimed."""

    client_order_id: str
    symbol: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Bare:
    """A trade whose stops nobody has looked at since then."""

    trade_id: int
    symbol: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Failures:
    """Dead letters of one task and one kind of error that wait for a person; `about` is what the newest was about."""

    task: str
    error: str
    count: int
    about: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What the database tells of one moment; `reconciled_at` is None when the books were not compared since a start."""

    changes: Sequence[Change] = ()
    unclear: Sequence[Unclear] = ()
    held_orders: Sequence[str] = ()
    bare: Sequence[Bare] = ()
    failures: Sequence[Failures] = ()
    differences: Sequence[Difference] = ()
    is_open: bool = True
    reconciled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What Redis tells of one moment: whether a feed speaks, how old in seconds what waits is, what services lack.

    `silent` are those of the feed's `shards` that nobody hears though a feed speaks.
    """

    feed_speaks: bool
    silent: Sequence[int] = ()
    shards: int = 1
    stale: Sequence[str] = ()
    queues_s: Mapping[str, float] = field(default_factory=dict)
    clock_off: str = ""
    ill: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Patience:
    """From when on something is worth a person's time."""

    unclear: timedelta
    unprotected: timedelta
    books: timedelta
    queue: timedelta = timedelta(seconds=60)
    feed: timedelta = timedelta(seconds=15)
    service: timedelta = timedelta(seconds=30)


def happened(kept: Kept) -> list[Alert]:
    """What is told once and is over with that: the changes of the trading state."""
    return [_change(one) for one in kept.changes]


def in_books(kept: Kept, patience: Patience, at: datetime) -> list[Alert]:
    """What is wrong now as far as the database knows: orders, positions, dead letters, reconciliation."""
    alerts = [
        *(_unclear(one) for one in kept.unclear if at - one.since >= patience.unclear),
        *map(_held, kept.held_orders),
        *(_bare(one) for one in kept.bare if at - one.since >= patience.unprotected),
        *map(_failures, kept.failures),
        *(_difference(one) for one in kept.differences if one.is_sure),
    ]
    if kept.is_open and (kept.reconciled_at is None or at - kept.reconciled_at > patience.books):
        alerts.append(_not_compared(kept.reconciled_at, patience))
    return alerts


def in_messages(heard: Heard, patience: Patience) -> list[Alert]:
    """What is wrong now as far as Redis knows: the feed, the queues, the clock."""
    alerts = [_queue(name) for name, age_s in heard.queues_s.items() if age_s >= patience.queue.total_seconds()]
    alerts += [_ill(service, reason, patience) for service, reason in heard.ill.items()]
    alerts += _feed(heard, patience)
    if heard.clock_off:
        cure = "Set this machine's clock by NTP; orders are refused when it is too far ahead."
        alerts.append(Alert(Kind.CLOCK, "venue", Severity.WARNING, "The clock is wrong", f"{heard.clock_off}. {cure}"))
    return alerts


def silence(server: str, reason: str) -> Alert:
    """A server that does not answer."""
    text = f"{reason}\nNothing is traded without it. `cdb doctor` tells what is wrong, and the cure."
    return Alert(Kind.SERVER, server, Severity.CRITICAL, f"{server} cannot be used", text, hold=timedelta(seconds=15))


class Lasting:
    """Which alerts have lasted as long as they must, and which have been away for long enough to be over."""

    def __init__(self, calm: timedelta = CALM) -> None:
        self._calm = calm
        self._since: dict[str, datetime] = {}
        self._seen: dict[str, tuple[Alert, datetime]] = {}

    def standing(self, now: Sequence[Alert], at: datetime) -> list[Alert]:
        """Those to be told of, given what is wrong now; one that is away for a moment is as it was last."""
        for alert in now:
            self._since.setdefault(alert.key, at)
            if at - self._since[alert.key] >= alert.hold:
                self._seen[alert.key] = alert, at
        wrong = {alert.key for alert in now}
        self._since = {key: since for key, since in self._since.items() if key in wrong}
        self._seen = {
            key: (alert, seen) for key, (alert, seen) in self._seen.items() if key in wrong or at - seen < self._calm
        }
        return [alert for alert, _ in self._seen.values()]


def _change(change: Change) -> Alert:
    tripped = change.by == "breaker" and change.state != TradingState.ACTIVE
    severity = {TradingState.HALTED: Severity.CRITICAL, TradingState.REDUCING: Severity.WARNING}
    title = f"Trading is {change.state}" + (": the breaker tripped" if tripped else "")
    text = f"It was {change.before}. {change.by}: {change.reason}"
    if tripped:
        text += "\nLook at it before you resume: cdb status, cdb resume --reason TEXT"
    grade = severity.get(TradingState(change.state), Severity.INFO)
    return Alert(Kind.STATE, str(change.number), grade, title, text)


def _unclear(order: Unclear) -> Alert:
    text = (
        f"Nobody knows whether the venue has {order.client_order_id} (since {_clock(order.since)} UTC). It goes on "
        f"being looked for, and is never sent a second time: cdb explain {order.client_order_id}"
    )
    title = f"An order for {order.symbol} is unclear"
    return Alert(Kind.ORDER, order.client_order_id, Severity.CRITICAL, title, text)


def _held(client_order_id: str) -> Alert:
    text = (
        f"The venue tells nothing of {client_order_id} any more. Look for it on the venue's own page of orders; if it "
        f"never traded: cdb expire {client_order_id} --reason TEXT"
    )
    return Alert(Kind.ORDER, client_order_id, Severity.CRITICAL, "An order waits for a person", text)


def _bare(trade: Bare) -> Alert:
    text = f"Nobody has looked at the stops of trade {trade.trade_id} since {_clock(trade.since)} UTC. cdb doctor"
    title = f"The position in {trade.symbol} is not protected"
    return Alert(Kind.POSITION, str(trade.trade_id), Severity.CRITICAL, title, text)


def _failures(failed: Failures) -> Alert:
    count = "A task has" if failed.count == 1 else f"{failed.count} tasks have"
    about = f", the newest about {failed.about}" if failed.about else ""
    title = f"{count} failed for good: {failed.task}"
    text = f"{failed.error}{about}. See, run again or discard them: cdb failed list"
    return Alert(Kind.LETTER, f"{failed.task}:{failed.error}", Severity.WARNING, title, text)


def _difference(one: Difference) -> Alert:
    title = f"The venue's books differ from ours: {one.kind} {one.subject}"
    text = f"{one.told}\nNothing is changed by itself: cdb reconcile"
    return Alert(Kind.BOOKS, f"{one.kind}:{one.subject}", Severity.CRITICAL, title, text)


def _not_compared(since: datetime | None, patience: Patience) -> Alert:
    last = "since the start" if since is None else f"since {_clock(since)} UTC"
    text = f"Our books were not compared with the venue's {last}: no entry is approved. cdb doctor"
    return Alert(Kind.BOOKS, "age", Severity.WARNING, "The books are not compared", text, hold=patience.books)


def _queue(name: str) -> Alert:
    text = "Its oldest message has waited for more than a minute: is a worker for it at work? cdb status, cdb doctor"
    return Alert(Kind.QUEUE, name, Severity.CRITICAL, f"The queue {name} stands still", text)


def _ill(service: str, reason: str, patience: Patience) -> Alert:
    title = f"The service {service.partition('@')[0]} is not well"
    text = f"{service}: {reason}\ncdb status, cdb doctor"
    return Alert(Kind.SERVICE, service, Severity.WARNING, title, text, hold=patience.service)


def _feed(heard: Heard, patience: Patience) -> list[Alert]:
    if not heard.feed_speaks:
        return [_silent(patience)]
    alerts = [_unheard(heard, patience)] if heard.silent else []
    return [*alerts, _stale(heard.stale, patience)] if heard.stale else alerts


def _unheard(heard: Heard, patience: Patience) -> Alert:
    told = unheard(heard.silent, heard.shards).capitalize()
    text = f"{told}: no prices of their symbols come in, and their stops are not watched. cdb status, cdb doctor"
    return Alert(Kind.FEED, "shards", Severity.CRITICAL, "A part of the market is not heard", text, hold=patience.feed)


def _silent(patience: Patience) -> Alert:
    text = "No prices come in: no entries, and stops are not watched. cdb status, cdb doctor"
    return Alert(Kind.FEED, "silent", Severity.CRITICAL, "The feed is silent", text, hold=patience.feed)


def _stale(symbols: Sequence[str], patience: Patience) -> Alert:
    some, more = ", ".join(symbols[:SHOWN]), len(symbols) - SHOWN
    text = f"Of {some}{f' and {more} more' if more > 0 else ''} nothing is heard though it should be."
    title = f"The market is not heard of {len(symbols)} symbol{'s' if len(symbols) > 1 else ''}"
    return Alert(Kind.FEED, "stale", Severity.WARNING, title, text, hold=patience.feed)


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
