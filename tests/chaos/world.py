"""A whole farm in virtual time: the real steps, a queue that loses and doubles, and a point at each port call."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any, cast

from sqlalchemy.exc import OperationalError

from app import risk
from app.domain.bars import Watched
from app.domain.errors import Unavailable
from app.domain.market import Bar, BarClose, microseconds
from app.domain.orders import OrderType
from app.domain.protection import Protection
from app.domain.risk import Breaker
from app.domain.sizing import Sizing
from app.steps.approve_signal import approve_signal
from app.steps.drain import FRESH, LEVELS_REFRESH_S
from app.steps.find_signals import FindFailed, find_signals
from app.steps.mark_equity import mark_equity
from app.steps.place_order import place_order
from app.steps.protect import Guard
from app.steps.settle_order import settle_order
from app.steps.sweep import sweep
from app.steps.sweep_closes import sweep_closes
from app.store import DatabaseError
from tests.chaos.books import Books, Store
from tests.chaos.gates import Gate, Gates
from tests.chaos.judge import Judge
from tests.chaos.plans import Plan, Script, WhileItLasts
from tests.chaos.scenes import Scene, Strategy
from tests.chaos.venue import Venue
from tests.chaos.virtual import Killed, Timeline
from tests.fixtures.memory.builders import NOON, an_instrument

AWAY = (Unavailable, DatabaseError, OperationalError, FindFailed)
UPKEEP = frozenset({"sweep", "sweep_closes", "mark_equity", "guard"})
TRIES = 6
LIMIT = Decimal("0.30")


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
        self.timeline = Timeline(NOON)
        self._whole_plan = self.plan
        self.plan = cast(Plan, WhileItLasts(self.plan, self._in_trouble))
        self.gates = Gates(self.timeline, self.plan, self._in_trouble)
        listed = {symbol: an_instrument(symbol) for symbol in self.scene.symbols}
        self.venue = Venue(self.timeline, self.plan, self.gates.point, listed, self.recv_window)
        raw = self.store.ports
        raw["instruments"].save(list(listed.values()), {symbol: {} for symbol in listed}, NOON)
        raw["ledger"].open_account(Decimal(10_000), NOON)
        self._price(Decimal(100))
        self.judge = Judge(self.store.books, self.venue, self.timeline)
        self.venue.on_accepted = self.judge.accepted
        self.venue.on_change = self._streamed
        self.gates.committed = self.judge.committed
        self.ports = self._ports(raw)
        self.errors: list[BaseException] = []
        self.waiting = 0  # messages that are under way

    @property
    def script(self) -> Script:
        """Its plan, where that is one."""
        assert isinstance(self._whole_plan, Script)
        return self._whole_plan

    def run(self) -> Books:
        """Until all is quiet; Wrong says what does not hold."""
        self._arrange()
        try:
            while not self._is_quiet():
                if self._elapsed_s > 300:
                    raise Wrong(f"no quiet after 300 s: {self.judge.standing()}")
                self.timeline.step()
                self._check()
            self._reconcile()
            self._check()
            wrong = self.judge.verdict()
            if wrong:
                raise Wrong("; ".join(wrong))
        finally:
            self.timeline.end()
        return self.store.books()

    def _check(self) -> None:
        if self.errors:
            raise Wrong(f"a task died of {self.errors[0]!r}") from self.errors[0]
        if self.judge.wrong:
            raise Wrong("; ".join(self.judge.wrong))

    def _is_quiet(self) -> bool:
        busy = self.waiting or self.timeline.running
        return not busy and not self.judge.standing() and self._elapsed_s > self._whole_plan.quiet_after_s

    def _in_trouble(self) -> bool:
        return self._elapsed_s < self._whole_plan.trouble_s

    @property
    def _elapsed_s(self) -> float:
        return (self.timeline.at - NOON).total_seconds()

    # What happens by itself

    def _arrange(self) -> None:
        for second, symbol, wish in self.scene.closes:
            self.timeline.after(second, lambda symbol=symbol, wish=wish: self._close(symbol, wish))  # type: ignore[misc]
        for second in self.scene.wicks_s:
            self.timeline.after(second, lambda: self._begin("guard", 0))
        if self.plan.crash_s is not None:
            self.timeline.after(self.plan.crash_s, lambda: self._price(Decimal(20)))
        self._every(2.0, "sweep")
        self._every(2.0, "sweep_closes")
        self._every(5.0, "mark_equity")

    def _every(self, period_s: float, name: str) -> None:
        self._begin(name)
        self.timeline.after(period_s, lambda: self._every(period_s, name))

    def _price(self, price: Decimal) -> None:
        self.venue.last = price
        heard = {symbol: (float(price), microseconds(NOON) + 10**12) for symbol in self.scene.symbols}
        self.store.ports["prices"].heard = heard

    def _close(self, symbol: str, wish: str) -> None:
        end = self.timeline.at
        figure = 2.0 if wish == "buy" else 1.0
        bar = Bar(symbol, "1s", end, 100.0, 100.0, 100.0, 100.0, figure, 1)
        self.store.ports["bars"].save([bar])
        self.closes([bar.key], f"frame-{symbol}-{end:%S}", 1)

    def _streamed(self, order: Any) -> None:
        """The private stream's word that something happened to an order: a hint that hastens a settlement."""
        self._send("settle", 0.01, order.client_order_id)

    def _reconcile(self) -> None:
        """Every order that the venue knows is asked for once more, as reconciliation does: late fills come in."""
        for accepted in self.venue.journal:
            self._begin("settle", accepted.order.client_order_id)
        until = self.timeline.at + timedelta(seconds=20)
        while self.timeline.at < until and self.timeline.step():
            self._check()

    # The port HandOn

    def closes(self, closes: Sequence[BarClose], frame: str, received_us: int) -> None:
        self._send("find", 0, [list(close) for close in closes], frame, received_us)

    def signal(self, key: str, correlation_id: str) -> None:
        self._send("approve", 0, key)

    def order(self, client_order_id: str, correlation_id: str, delay_s: float = 0) -> None:
        self._send("place", delay_s, client_order_id)

    def settle(self, client_order_id: str, correlation_id: str, delay_s: float) -> None:
        self._send("settle", delay_s, client_order_id)

    def _send(self, name: str, delay_s: float, *args: Any) -> None:
        for late_s in self.plan.deliveries():
            self._begin_after(delay_s + late_s, name, *args)

    def _begin_after(self, delay_s: float, name: str, *args: Any, tries: int = 0) -> None:
        def come() -> None:
            self.waiting -= 1
            self._begin(name, *args, tries=tries)

        self.waiting += 1
        self.timeline.after(delay_s, come)

    # Tasks

    def _begin(self, name: str, *args: Any, tries: int = 0) -> None:
        if name in UPKEEP and not (self._in_trouble() and self.plan.pauses):  # nothing makes it wait
            return self.timeline.at_once(name, lambda: self._work(name, args, tries))
        return self.timeline.start(name, lambda: self._work(name, args, tries))

    def _work(self, name: str, args: tuple[Any, ...], tries: int) -> None:
        """What a worker does with a message."""
        upkeep = name in UPKEEP
        try:
            getattr(self, f"_{name}")(*args)
        except Killed:
            again_s = None if upkeep else self.plan.redelivery_s()
            if again_s is not None:
                self._begin_after(again_s, name, *args, tries=tries)
        except AWAY:
            if not upkeep and tries < TRIES:
                self._begin_after(2.0**tries, name, *args, tries=tries + 1)
        except Exception as error:  # noqa: BLE001 - whatever it is, the schedule fails with it
            self.errors.append(error)

    def _find(self, closes: Sequence[Sequence[str]], frame: str, received_us: int) -> None:
        self._call(find_signals, closes, frame=frame, received_us=received_us)

    def _approve(self, key: str) -> None:
        approved = self._call(approve_signal, key)
        if approved is not None:  # the next link of the chain
            self.ports["hand_on"].order(approved, "")

    def _place(self, client_order_id: str) -> None:
        self._call(place_order, client_order_id)

    def _settle(self, client_order_id: str) -> None:
        self._call(settle_order, client_order_id)

    def _sweep(self) -> None:
        self._call(sweep)

    def _sweep_closes(self) -> None:
        self._call(sweep_closes)

    def _mark_equity(self) -> None:
        self._call(mark_equity)

    def _guard(self, lap: int) -> None:
        """Ticks that touch every stop, as a drain holds them against the levels."""
        guard = Guard(self.ports["trades"], refresh_s=LEVELS_REFRESH_S, fresh_us=FRESH // timedelta(microseconds=1))
        guard.refresh(1, 0)
        time_us = microseconds(self.timeline.at)
        ticks = [Watched(symbol, time_us, 90.0, time_us) for symbol in self.scene.symbols]
        for signal in guard.check(ticks, f"wick-{lap}", self.timeline.at):
            self.ports["signals"].save(signal)
            self.ports["hand_on"].signal(signal.key, signal.correlation_id)

    def _call(self, step: Callable[..., Any], *args: Any, **given: Any) -> Any:
        """A step with the ports and figures that it names."""
        named = _named(step)
        step = self.steps.get(step.__name__, step)
        have = {**self.ports, "at": self.timeline.at, **given}
        return step(*args, **{name: have[name] for name in named if name in have})

    def _ports(self, raw: dict[str, Any]) -> dict[str, Any]:
        """All that steps ask for by name, each port behind its gate."""
        gated = {name: Gate(port, name, self.gates) for name, port in raw.items()}
        lenient: dict[str, dict[str, Any]] = {
            "cooldown": {"limit_s": 0},
            "position_size": {"max_notional": 3000},
            "max_exposure": {"limit": LIMIT},
        }
        ports: dict[str, Any] = {
            **gated,
            "trading": self.venue,
            "hand_on": Gate(self, "hand_on", self.gates),
            "levels_changed": lambda: self.gates.point("levels_changed"),
            "now": self.timeline,
            "strategies": [Strategy()],
            "rules": risk.rules(lenient),
            "breaker": Breaker(),
            "sizing": Sizing(share=self.scene.share, max_notional=Decimal(3000), max_exposure=LIMIT),
            "order_type": OrderType(self.plan.order_type),
            "slippage": Decimal("0.001"),
            "time_to_live": timedelta(seconds=12),
            "worth": timedelta(seconds=12),
            "protection": Protection(),
            "lease": timedelta(seconds=8),
            "recv_window": self.recv_window,
            "read_lag": self.read_lag,
            "order_timeout": timedelta(seconds=6),
            "patience": timedelta(seconds=3),
        }
        ports.update(self.steps.get("ports", lambda ports: {})(ports))
        return ports
