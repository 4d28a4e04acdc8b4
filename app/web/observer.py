"""Reads what there is to see of the farm, once for all who look; what is away is told as a problem."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from socket import gethostname
from typing import TypeVar

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import wiring
from app.domain.errors import NotOpenYet
from app.domain.portfolio import Trade
from app.domain.risk import ZERO
from app.figures import QUEUES
from app.roll import Enrolled
from app.steps.events import last_marks
from app.store import DatabaseError
from app.store.listings import Standing
from app.web.models import (
    AccountSeen,
    EventSeen,
    FarmSeen,
    FeedSeen,
    MailboxSeen,
    OpenTrade,
    QueueSeen,
    ServiceSeen,
    Status,
    TaskSeen,
    Totals,
)
from app.web.problems import understood

T = TypeVar("T")

SHOWN_EVENTS = 40
QUIET = (  # of every signal and order; their stories tell it
    "signal.found",
    "signal.approved",
    "signal.refused",
    "signal.expired",
    "order.submitting",
    "order.open",
    "trade.pending",
    "execution.booked",
)
SLOW_S = 5.0
SHARE = 100  # what takes long to read is read so much more seldom
AWAY = (RedisError, DatabaseError, SQLAlchemyError)
VERSION = version("claire-de-binare")
NOT_OPEN = "The account is not open yet; the farm opens it when the venue has told its balance."


class Observer:
    """Keeps between two looks what is needed to tell speeds, and what takes long to read."""

    def __init__(self) -> None:
        self._events: list[EventSeen] = []
        self._newest = 0
        self._rates = Rates()
        self._totals: Totals | None = None
        self._paid_in: Decimal | None = None
        self._tasks: list[TaskSeen] = []
        self._slow_at_s = float("-inf")

    def look(self) -> Status:
        """The farm now; one thread at a time."""
        problems: list[str] = []
        at = wiring.now()

        def tried(read: Callable[[], T]) -> T | None:
            return _tried(read, problems)

        trades = tried(wiring.listings().open_trades)
        heard = tried(lambda: last_marks(wiring.prices(), {trade.symbol for trade in trades or ()})) or {}
        marks = {symbol: mark.price for symbol, mark in heard.items()}
        standing = tried(lambda: wiring.listings().standing(heard, at))
        unprotected = tried(wiring.listings().unprotected) or {}
        seen = None if trades is None else [open_trade(one, marks, unprotected) for one in trades]
        tried(self._read_events)
        tried(lambda: self._read_slowly(at))
        unrealised = None if seen is None else sum((one.unrealised or ZERO for one in seen), ZERO)
        counters = tried(lambda: wiring.counters().all())
        return Status(
            at=at,
            problems=list(dict.fromkeys(problems)),
            farm=_farm(),
            account=None if standing is None else account_seen(standing),
            profit=None if standing is None or self._paid_in is None else standing.account.equity - self._paid_in,
            unrealised=unrealised,
            trades=seen,
            totals=self._totals,
            events=self._events,
            feed=tried(_feed),
            queues=tried(_queues),
            mailboxes=tried(_mailboxes),
            services=self._services(tried(_wrong) or {}, at),
            tasks=self._tasks,
            counters=counters,
            ticks_per_s=None if counters is None else self._rates("ticks", counters.get("ticks_processed", 0)),
            pauses=tried(_pauses) or [],
        )

    def _read_events(self) -> None:
        new = wiring.listings().events(self._newest, SHOWN_EVENTS, QUIET)
        if new:
            self._newest = new[0].number
            self._events = [*map(EventSeen.of, new), *self._events][:SHOWN_EVENTS]

    def _read_slowly(self, at: datetime) -> None:
        """Every few seconds, and more seldom the longer it takes."""
        began = time.monotonic()
        if began < self._slow_at_s:
            return
        self._slow_at_s = began + SLOW_S
        self._tasks = self._tasks_seen(wiring.task_counts().read())
        self._totals = _totals(at)
        self._paid_in = wiring.listings().paid_in()
        self._slow_at_s = began + max(SLOW_S, SHARE * (time.monotonic() - began))

    def _tasks_seen(self, counts: Mapping[tuple[str, str], int]) -> list[TaskSeen]:
        names = sorted({task for task, _ in counts})
        return [self._task(name, {kind: n for (task, kind), n in counts.items() if task == name}) for name in names]

    def _task(self, name: str, by_outcome: Mapping[str, int]) -> TaskSeen:
        total = sum(by_outcome.values())
        succeeded = by_outcome.get("success", 0)
        failed = by_outcome.get("failure", 0) + by_outcome.get("lost", 0)
        retried = by_outcome.get("retry", 0)
        return TaskSeen(
            task=name,
            succeeded=succeeded,
            failed=failed,
            retried=retried,
            other=total - succeeded - failed - retried,
            per_s=self._rates(f"task {name}", total),
        )

    def _services(self, wrong: Mapping[str, str], at: datetime) -> list[ServiceSeen] | None:
        roll = wiring.roll().read(at.timestamp())
        return None if roll is None else [self._service(one, wrong.get(one.name)) for one in roll]

    def _service(self, enrolled: Enrolled, wrong: str | None) -> ServiceSeen:
        pid = enrolled.pid
        beat = None if pid is None else wiring.heartbeats().read(pid)
        return ServiceSeen(
            name=enrolled.name,
            state=enrolled.state,
            wrong=wrong,
            pid=pid,
            restarts=enrolled.restarts,
            running=beat.running if beat else None,
            begun_per_s=self._rates(f"service {pid}", beat.begun) if beat else None,
        )


class Rates:
    """How fast totals rise, between two looks."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._before: dict[str, tuple[float, int]] = {}

    def __call__(self, name: str, total: int) -> float | None:
        """A second; None at the first look, and after a total that has fallen: who counted it began anew."""
        now_s = self._now_s()
        before = self._before.get(name)
        self._before[name] = now_s, total
        if before is None or total < before[1] or now_s <= before[0]:
            return None
        return (total - before[1]) / (now_s - before[0])


def _tried(read: Callable[[], T], problems: list[str]) -> T | None:
    try:
        return read()
    except NotOpenYet:
        problems.append(NOT_OPEN)
    except AWAY as error:
        found = understood(error)
        assert found is not None
        problems.append(wiring.without_secrets(" ".join(found[1:]).strip()))
    return None


def _farm() -> FarmSeen:
    chosen = wiring.settings()
    return FarmSeen(
        exchange=chosen.exchange,
        mode=chosen.mode,
        symbols=list(chosen.symbols),
        intervals=list(chosen.bar_intervals),
        strategies=list(chosen.strategies),
        currency=wiring.CURRENCY,
        flower_port=chosen.flower_port,
        version=VERSION,
    )


def account_seen(standing: Standing) -> AccountSeen:
    """The account with its limits."""
    account, chosen = standing.account, wiring.settings()
    return AccountSeen(
        trading_state=account.state,
        reason=standing.reason,
        by=standing.by,
        since=standing.since,
        equity=account.equity,
        cash=account.cash,
        day_open=account.day_open,
        day_high=account.day_high,
        profit_today=account.equity - account.day_open,
        exposure=account.exposure,
        reserved=account.reserved,
        exposure_share=account.exposure_share,
        exposure_limit=chosen.max_total_exposure,
        drawdown=account.drawdown,
        drawdown_limit=chosen.max_daily_drawdown,
        day_loss=account.day_loss,
        day_loss_limit=chosen.max_day_loss,
        reconciled_at=account.reconciled_at,
    )


def open_trade(trade: Trade, marks: Mapping[str, Decimal], unprotected: Mapping[int, datetime]) -> OpenTrade:
    """A trade at the last price of its symbol."""
    price = marks.get(trade.symbol)
    unrealised = None if price is None else trade.realised + trade.value(price)
    stop = _nearest_stop(trade)
    return OpenTrade(
        id=trade.id,
        symbol=trade.symbol,
        strategy=trade.strategy,
        opened_at=trade.opened_at,
        amount=trade.left,
        entry_price=trade.entry_price,
        price=price,
        value=None if price is None else trade.value(price),
        unrealised=unrealised,
        unrealised_share=None if unrealised is None or not trade.bought else unrealised / trade.bought,
        stop_price=stop,
        stop_distance=_share(price, stop, -1),
        take_price=trade.take_price,
        take_distance=_share(price, trade.take_price, 1),
        unprotected_since=unprotected.get(trade.id),
    )


def _nearest_stop(trade: Trade) -> Decimal | None:
    trailing = trade.peak * (1 - trade.trail) if trade.trail is not None and trade.peak is not None else None
    stops: Sequence[Decimal] = [stop for stop in (trade.stop_price, trailing) if stop is not None]
    return max(stops, default=None)


def _share(price: Decimal | None, level: Decimal | None, way: int) -> Decimal | None:
    return None if price is None or level is None else way * (level - price) / price


def _totals(at: datetime) -> Totals:
    summary = wiring.reports().summary()
    delay = summary.delay
    return Totals(
        at=at,
        realised=summary.realised,
        fees=summary.fees,
        trades_open=summary.trades_open,
        trades_closed=summary.trades_closed,
        trades_won=summary.trades_won,
        executions=summary.executions,
        signals=dict(summary.signals),
        refusals=dict(summary.refusals),
        orders=dict(summary.orders),
        dead_letters=wiring.letters().count(),
        unprotected=summary.unprotected,
        unprotected_s=summary.unprotected_s,
        tick_to_order_p50_ms=delay.p50_ms if delay else None,
        tick_to_order_p99_ms=delay.p99_ms if delay else None,
    )


def _feed() -> FeedSeen | None:
    status = wiring.feed_status().read()
    return None if status is None else FeedSeen.model_validate(status)


def _wrong() -> dict[str, str]:
    """What the services of this machine say is wrong with them."""
    return {one.service: one.reason for one in wiring.healths().read(wiring.now()) if one.host == gethostname()}


def _queues() -> list[QueueSeen]:
    return [QueueSeen(name=name, depth=depth) for name, depth in wiring.queues().depths(QUEUES).items()]


def _mailboxes() -> list[MailboxSeen]:
    lags = wiring.mailboxes().worked_through()
    depths = wiring.mailboxes().depths()
    return [MailboxSeen(shard=shard, depth=depth, lag_s=lags.get(shard)) for shard, depth in depths.items()]


def _pauses() -> list[str]:
    found = wiring.pauses().items()
    return [f"{host} is not asked for {pause.left_s:.0f} s after HTTP {pause.status}" for host, pause in found]
