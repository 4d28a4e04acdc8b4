"""A whole farm in virtual time: the real steps, a queue that loses and doubles, and a point at each port call."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from typing import Any, cast

from sqlalchemy.exc import OperationalError

from app.domain.errors import Unavailable
from app.domain.market import Bar, BarClose, microseconds
from app.domain.portfolio import TradeStatus
from app.steps.find_signals import FindFailed
from app.store import DatabaseError
from tests.chaos.books import Books, Store
from tests.chaos.gates import Gate, Gates
from tests.chaos.judge import Judge
from tests.chaos.mailbox import Mailboxes
from tests.chaos.plans import Plan, Script, WhileItLasts
from tests.chaos.reruns import Resent
from tests.chaos.scenes import Scene
from tests.chaos.tasks import NOT_SENT_AGAIN, WITHOUT_WAITING, Tasks, figures
from tests.chaos.venue import Venue
from tests.chaos.venue_books import Market, VenueBooks
from tests.chaos.virtual import Killed, Timeline
from tests.fixtures.memory.builders import an_instrument

AWAY = (Unavailable, DatabaseError, OperationalError, FindFailed)
STARTED_AGAIN = frozenset({"begin", "flatten", "rerun"})
SKEWED = frozenset({"place", "settle"})  # tasks of workers on other machines
TRIES = 6
PRICE = 100.0
SETTLED_WITHIN = timedelta(seconds=30)
VOLUMES = {"sell": 1.0, "buy": 2.0, "lost": 2.0, "nothing": 3.0}
PERIODS_S = {
    "wake": 2.0,
    "sweep": 2.0,
    "withdraw": 2.0,
    "watch": 2.0,
    "mark_equity": 5.0,
    "archive": 5.0,
    "warm": 5.0,
    "seal": 5.0,
    "keep_letters": 2.0,
    "check_clock": 3.0,
    "check_history": 5.0,
    "reconcile": 6.0,
    "refresh_instruments": 9.0,
}


class Wrong(AssertionError):
    """An invariant does not hold."""


@cache
def _named(step: Callable[..., Any]) -> list[str]:
    return [p.name for p in inspect.signature(step).parameters.values() if p.kind is p.KEYWORD_ONLY]


@dataclass
class World:
    """One schedule. `steps` may replace a step or a port by a broken one, to see that it is found out."""

    store: Store
    plan: Plan
    scene: Scene = field(default_factory=Scene)
    steps: dict[str, Any] = field(default_factory=dict)
    recv_window: timedelta = timedelta(seconds=5)
    read_lag: timedelta = timedelta(seconds=2)

    def __post_init__(self) -> None:
        self.began = self.scene.starts_at
        self.timeline = Timeline(self.began)
        self._trouble_until = self.began + timedelta(seconds=self.plan.trouble_s)
        self._opened_s: float | None = None
        self._whole_plan = self.plan
        self.plan = cast(Plan, WhileItLasts(self.plan, self._in_trouble))
        self.gates = Gates(self.timeline, self.plan, self._in_trouble)
        listed = {symbol: an_instrument(symbol) for symbol in self.scene.symbols}
        self.venue = Venue(self.timeline, self.plan, self.gates.point, listed, self.recv_window)
        self.account = VenueBooks(self.venue)
        self.market = Market(self.venue, list(listed.values()))
        self.mailboxes = Mailboxes(self.timeline)
        raw = self.store.ports
        if not self.scene.begins_s:
            raw["instruments"].save(list(listed.values()), {symbol: {} for symbol in listed}, self.began)
            raw["ledger"].open_account(Decimal(10_000), self.began)
        self.restore: Callable[[], None] | None = None
        self._flushed = 0  # how often Redis was emptied, and what it held is gone
        self.judge = Judge(self)
        self._price(Decimal(100))
        self.venue.on_accepted = self.judge.accepted
        self.venue.on_change = self._streamed
        self.gates.committed = self._committed
        self.ports = self._ports(raw)
        self.tasks = Tasks(self.call, self.ports, self.scene)
        self.errors: list[BaseException] = []
        self._pushed: list[tuple[int, tuple[str, datetime]]] = []  # frames and the bars that they end
        self.waiting = 0  # messages that are under way
        self.peaks: list[tuple[int, Decimal, list[int]]] = []  # frame, price, and the trades that were open then

    @property
    def script(self) -> Script:
        """Its plan, where that is one."""
        assert isinstance(self._whole_plan, Script)
        return self._whole_plan

    @property
    def is_scripted(self) -> bool:
        """Whether so little goes wrong that nothing at all may be missing in the end."""
        return isinstance(self._whole_plan, Script)

    def run(self) -> Books:
        """Until all is quiet; Wrong says what does not hold."""
        self._arrange()
        try:
            self._come_to_rest()
            self._compare(self._whole_plan.late_s)
            self._come_to_rest()  # a fill that is told late may bring back a trade that was to be left
            self._compare()
            wrong = self.judge.verdict()
            if wrong:
                raise Wrong("; ".join(wrong))
        finally:
            self.timeline.end()
        return self.store.books()

    def _come_to_rest(self) -> None:
        """Until all is quiet, within 300 s."""
        until_s = self._elapsed_s + 300
        while not self._is_quiet():
            if self._elapsed_s > until_s:
                raise Wrong(f"no quiet after 300 s: {self.judge.standing()}")
            self.timeline.step()
            self._check()

    def _check(self) -> None:
        if self.errors:
            raise Wrong(f"a task died of {self.errors[0]!r}") from self.errors[0]
        if self.judge.wrong:
            raise Wrong("; ".join(self.judge.wrong))

    def _is_quiet(self) -> bool:
        if self.waiting or self.timeline.running or self._opened_s is None:
            return False
        quiet_s = max(self._whole_plan.quiet_after_s, self._opened_s + self.scene.lasts_s)
        return self._elapsed_s > quiet_s and not self.judge.standing()

    def _in_trouble(self) -> bool:
        return self.timeline.at < self._trouble_until

    @property
    def _elapsed_s(self) -> float:
        return (self.timeline.at - self.began).total_seconds()

    def _committed(self) -> None:
        self.judge.committed()
        if self.scene.restored_s is not None and self.restore is None and self.store.books().orders:
            self.restore = self.store.copied()

    # What happens by itself

    def _arrange(self) -> None:
        for second in self.scene.begins_s:
            self.timeline.after(second, lambda: self._begin("begin"))
        if not self.scene.begins_s:
            self._open_market()

    def _open_market(self) -> None:
        """What the feed hears, and beat; once, when the first start is done."""
        if self._opened_s is not None:
            return
        self._opened_s = self._elapsed_s
        for second, happen in self._happenings():
            self.timeline.after(second, happen)
        for name in self.scene.upkeep:
            self._every(PERIODS_S[name], name)

    def _happenings(self) -> Iterator[tuple[float, Callable[[], None]]]:
        scene = self.scene
        yield from ((second, partial(self._close, symbol, wish)) for second, symbol, wish in scene.closes)
        yield from ((second, partial(self._touch, 90.0)) for second in scene.wicks_s)
        yield from ((second, partial(self._touch, 103.0)) for second in scene.peaks_s)
        yield from ((second, partial(self._begin, "flatten")) for second in scene.flattens_s)
        yield from ((second, partial(self._begin, "rerun")) for second in scene.reruns_s)
        yield from ((second, partial(self.account.meddle, scene.symbols[0])) for second in scene.strangers_s)
        yield from ((second, partial(self._price, Decimal(price))) for second, price in scene.moves)
        yield from ((second, self._flush) for second in scene.flushes_s)
        if scene.restored_s is not None:
            yield scene.restored_s, self._restore
        if scene.locks_s is not None:
            yield scene.locks_s[0], partial(self.account.lock, scene.symbols[0])
            yield scene.locks_s[1], partial(self.account.unlock, scene.symbols[0])
        if scene.skewed_s is not None:
            yield scene.skewed_s[0], partial(setattr, self.market, "skew_us", 8_000_000)
            yield scene.skewed_s[1], partial(setattr, self.market, "skew_us", 0)
        if self.plan.crash_s is not None:
            yield self.plan.crash_s, partial(self._price, Decimal(20))

    def _pushed_since(self, frame: int) -> set[tuple[str, datetime]]:
        """Bars whose ends are in these frames."""
        return {bar for number, bar in self._pushed if number >= frame}

    def _every(self, period_s: float, name: str) -> None:
        self.timeline.after(period_s, lambda: self._every(period_s, name))
        self._begin(name, *([0] if name == "archive" else []))

    def _price(self, price: Decimal) -> None:
        self.venue.last = price
        heard = {symbol: (float(price), microseconds(self.began) + 10**12) for symbol in self.scene.symbols}
        self.store.ports["prices"].heard = heard
        self.judge.priced()

    def _flush(self) -> None:
        """Redis is emptied: prices, the mailbox, all messages, and what need not be looked at again."""
        self._flushed += 1
        ports = self.store.ports
        ports["prices"].heard = {}
        for rests in ("searched", "sent_again"):
            ports[rests].until.clear()
        ports["outdated"].told.clear()
        ports["aside"].waiting.clear()
        self.market.unheard |= self._pushed_since(self.mailboxes.drained)
        self.mailboxes.flush()
        self.timeline.after(self.scene.deaf_s, lambda: self._price(self.venue.last))

    def _restore(self) -> None:
        """The database is one of before, and nobody who works on it has seen what came after."""
        if self.restore is None:
            return
        for task in list(self.timeline.running):
            task.dead = True
        self.restore()
        self.judge.begin_anew()

    def _close(self, symbol: str, wish: str) -> None:
        """The end of a bar: its only tick, and the venue's clock behind it; `lost` is one that was not heard whole."""
        now_us, end = microseconds(self.timeline.at), self.timeline.at.replace(microsecond=0)
        quantity, end_us = VOLUMES[wish], microseconds(end)
        if self.market.hears(Bar(symbol, "1s", end, 100.0, 100.0, 100.0, 100.0, quantity, 1)):
            self._pushed.append((len(self.mailboxes.frames), (symbol, end)))
            lost = [["!", symbol, end_us - 250_000]] if wish == "lost" else []
            tick = [symbol, end_us - 500_000, 100.0, quantity, "buy", now_us]
            self._feed([["=", symbol, microseconds(self.began) - 10**7], tick, *lost, ["@", end_us, now_us]])

    def _touch(self, price: float) -> None:
        """A tick of each symbol that touches its levels."""
        at_us = microseconds(self.timeline.at)
        if price > PRICE:
            trades = self.store.books().trades.values()
            opened = [trade.id for trade in trades if trade.status is TradeStatus.OPEN]
            self.peaks.append((len(self.mailboxes.frames), Decimal(str(price)), opened))
        self._feed([[symbol, at_us, price, VOLUMES["nothing"], "sell", at_us] for symbol in self.scene.symbols])

    def _feed(self, rows: list[list[Any]]) -> None:
        self.mailboxes.push(rows)
        self._send("drain", 0, 0)

    def _streamed(self, order: Any) -> None:
        """The private stream's word that something happened to an order of ours: a hint that hastens a settlement."""
        if order.client_order_id not in self.store.books().orders:
            return
        self._send("settle", 0.01, order.client_order_id)

    def _compare(self, late_s: float = 0) -> None:
        """Late fills come in, and then the books are compared twice more: only then is a drift sure."""
        self._trouble_until = min(self._trouble_until, self.timeline.at)
        for second in (late_s, late_s + 1, late_s + 2):
            self.timeline.after(second, lambda: self._begin("reconcile", True))
        self.timeline.until = until = self.timeline.at + timedelta(seconds=late_s + 4)
        while self.timeline.at < until and self.timeline.step():
            self._check()
        self.timeline.until = None
        while self.judge.standing() and self.timeline.at < until + SETTLED_WITHIN and self.timeline.step():
            self._check()  # a fill that was told so late has opened a trade that is to be left

    # The port HandOn

    def closes(self, closes: Sequence[BarClose], frame: str, received_us: int) -> None:
        self._send("find", 0, [list(close) for close in closes], frame, received_us)

    def signal(self, key: str, correlation_id: str) -> None:
        self._send("approve", self.scene.queue_s, key)

    def order(self, client_order_id: str, correlation_id: str, delay_s: float = 0) -> None:
        self._send("place", delay_s, client_order_id)

    def settle(self, client_order_id: str, correlation_id: str, delay_s: float) -> None:
        self._send("settle", delay_s, client_order_id)

    def drain(self, shard: int) -> None:
        """What a drain that is out of time, and wake, send."""
        self._send("drain", 0, shard)

    def _send(self, name: str, delay_s: float, *args: Any) -> None:
        for late_s in self.plan.deliveries():
            self._begin_after(delay_s + late_s, name, *args)

    def _begin_after(self, delay_s: float, name: str, *args: Any, tries: int = 0) -> None:
        flushed = self._flushed

        def come() -> None:
            self.waiting -= 1
            if flushed == self._flushed or name in STARTED_AGAIN:  # those are no messages
                self._begin(name, *args, tries=tries)

        self.waiting += 1
        self.timeline.after(delay_s, come)

    # Tasks

    def _begin(self, name: str, *args: Any, tries: int = 0) -> None:
        if name in WITHOUT_WAITING and not (self._in_trouble() and self.plan.pauses):
            return self.timeline.at_once(name, lambda: self._work(name, args, tries))
        return self.timeline.start(name, lambda: self._work(name, args, tries))

    def _work(self, name: str, args: tuple[Any, ...], tries: int) -> None:
        """What a worker does with a message."""
        try:
            getattr(self.tasks, name)(*args)
            if name == "begin":
                self._open_market()
        except Killed:
            self.ports["asked"].clear()  # the process remembers nothing
            again_s = 1.0 if name in STARTED_AGAIN else self.plan.redelivery_s()
            if again_s is not None and name not in NOT_SENT_AGAIN:
                self._begin_after(again_s, name, *args, tries=tries)
        except AWAY:
            if name not in NOT_SENT_AGAIN and (tries < TRIES or name in STARTED_AGAIN):
                self._begin_after(2.0 ** min(tries, TRIES), name, *args, tries=tries + 1)
        except Exception as error:  # noqa: BLE001 - whatever it is, the schedule fails with it
            self.errors.append(error)

    def call(self, step: Callable[..., Any], *args: Any, **given: Any) -> Any:
        """A step with the ports and figures that it names; its points are called after its module."""
        instead = self.steps.get(step.__name__, step)
        named = {*_named(step), *_named(instead)}
        task = self.timeline.task
        assert task is not None
        if task.name in SKEWED and self._in_trouble():
            task.skew = timedelta(seconds=self.plan.skew_s())
        have = {**self.ports, "at": self.timeline.at, **given}
        before, task.name = task.name, step.__module__.rpartition(".")[2]
        done = instead(*args, **{name: have[name] for name in named if name in have})
        task.name = before  # one that is killed in there has no further points
        return done

    def _ports(self, raw: dict[str, Any]) -> dict[str, Any]:
        """All that steps ask for by name, each port behind its gate."""
        gated = {name: Gate(port, name, self.gates) for name, port in raw.items()}
        resent = Resent(self.store, self._send, self.timeline)
        ports: dict[str, Any] = {
            **figures(self.scene, self.plan.order_type),
            **gated,
            "trading": self.venue,
            "venue": self.account,
            "free": self.account.free,
            "market": self.market,
            "mailboxes": Gate(self.mailboxes, "mailboxes", self.gates),
            "hand_on": Gate(self, "hand_on", self.gates),
            "again": self.drain,
            "reruns": Gate(resent, "reruns", self.gates),
            "failed": resent.failed,
            "all_letters": raw["letters"],
            "enqueue": Gate(self.drain, "enqueue", self.gates),
            "levels_changed": Gate(self.mailboxes.change_levels, "levels_changed", self.gates),
            "window_changed": lambda symbol, interval: None,  # nobody caches a window here
            "asked": set(),
            "quiet": {},
            "now": self.timeline,
            "recv_window": self.recv_window,
            "read_lag": self.read_lag,
        }
        ports.update(self.steps.get("ports", lambda ports: {})(ports))
        return ports
