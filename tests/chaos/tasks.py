"""The tasks of the farm in virtual time: each calls the steps that its namesake in `tasks/` calls, in that order."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app import risk
from app.domain.errors import Unavailable
from app.domain.looks import Pace
from app.domain.orders import OrderType
from app.domain.protection import Protection
from app.domain.rerun import key_of
from app.domain.risk import Breaker, TradingState
from app.domain.sizing import Sizing
from app.steps.approve_signal import approve_signal
from app.steps.archive_ticks import archive_ticks
from app.steps.check_clock import check_clock
from app.steps.check_history import check_history
from app.steps.choose_symbols import choose_symbols
from app.steps.drain import drain
from app.steps.find_signals import find_signals
from app.steps.flatten import flatten, flatten_while_halted
from app.steps.history_alarm import Alarm
from app.steps.keep_letter import keep_aside
from app.steps.mark_equity import mark_equity
from app.steps.open_account import open_account
from app.steps.place_order import place_order
from app.steps.reconcile import reconcile
from app.steps.refresh_instruments import refresh_instruments
from app.steps.rerun_letters import Desk, recall_reruns, rerun_letters
from app.steps.seal import seal
from app.steps.settle_order import settle_order
from app.steps.sweep import sweep
from app.steps.sweep_closes import sweep_closes
from app.steps.sweep_exits import sweep_exits
from app.steps.wake import wake
from app.steps.warm_windows import warm_windows
from app.steps.watch_positions import watch_positions
from app.steps.withdraw_entries import withdraw_entries
from tests.chaos.scenes import Scene, Strategy

LIMIT = Decimal("0.30")
BREAKER = Breaker()
RULES = risk.rules(
    {"cooldown": {"limit_s": 0}, "position_size": {"max_notional": 3000}, "max_exposure": {"limit": LIMIT}}
)
NOT_SENT_AGAIN = frozenset(
    {"drain", "wake", "archive", "sweep", "withdraw", "watch", "mark_equity", "reconcile", "warm", "seal"}
) | {"refresh_instruments", "check_clock", "check_history", "keep_letters"}
WITHOUT_WAITING = NOT_SENT_AGAIN - {"withdraw", "reconcile"}  # none of these asks the venue for something of ours

Call = Callable[..., Any]


class Tasks:
    """`call` runs a step with the ports that it names."""

    def __init__(self, call: Call, ports: dict[str, Any], scene: Scene) -> None:
        self._call, self._ports, self._scene = call, ports, scene

    def find(self, closes: Sequence[Sequence[str]], frame: str, received_us: int) -> None:
        self._call(find_signals, closes, frame=frame, received_us=received_us)

    def approve(self, key: str) -> None:
        approved = self._call(approve_signal, key)
        if approved is not None:  # the next link of the chain
            self._ports["hand_on"].order(approved, "")

    def place(self, client_order_id: str) -> None:
        self._call(place_order, client_order_id)

    def settle(self, client_order_id: str) -> None:
        self._call(settle_order, client_order_id)

    def drain(self, shard: int) -> None:
        self._call(drain, shard)

    def archive(self, shard: int) -> None:
        self._call(archive_ticks, shard)

    def wake(self) -> None:
        self._call(wake)

    def sweep(self) -> None:
        self._call(sweep_closes)
        self._call(sweep_exits)
        self._call(sweep)

    def withdraw(self) -> None:
        self._call(withdraw_entries)
        self._call(flatten_while_halted, wanted=self._scene.flattens)

    def mark_equity(self) -> None:
        self._call(open_account)
        self._call(mark_equity)

    def watch(self) -> None:
        self._call(watch_positions, alert_after=timedelta(seconds=10))

    def check_history(self) -> None:
        self._call(check_history, alarm=self._alarm)

    def check_clock(self) -> None:
        self._call(check_clock)

    def keep_letters(self) -> None:
        self._call(keep_aside)
        self._call(recall_reruns, desk=self._desk)

    def seal(self) -> None:
        self._call(seal)

    def reconcile(self, full: bool = False) -> None:
        self._call(reconcile, full=full, settle=self.settle)

    def warm(self) -> None:
        self._call(warm_windows, alarm=self._alarm)

    def refresh_instruments(self) -> None:
        self._call(refresh_instruments)

    @property
    def _alarm(self) -> Alarm:
        return Alarm(self._ports["outdated"], self._ports["audits"], self._ports["now"]())

    def begin(self) -> None:
        """What a start does: a supervisor starts again what died of it."""
        if not self._call(choose_symbols, self._scene.symbols).symbols:
            raise Unavailable("there is nothing to trade yet")
        self._ports["books"].forget()
        self.mark_equity()
        self.reconcile()

    def flatten(self) -> None:
        """A person, who tries again until it is done."""
        self._ports["ledger"].set_state(TradingState.HALTED, "told so", "a person", self._ports["now"]())
        self._call(flatten, reason="told so")

    def rerun(self) -> None:
        """A person, who tries again until it is done."""
        chosen = self._ports["failed"]()
        self._call(rerun_letters, chosen, reason="told so", by="a person", desk=self._desk)

    def again(self, task_id: str, run: int) -> None:
        """A task that is run again, and its end."""
        letters = self._ports["all_letters"]
        letter = letters.get(task_id).letter
        getattr(self, letter.step)(key_of(letter))
        letters.finish(task_id, run, "done", self._ports["now"]())

    @property
    def _desk(self) -> Desk:
        signals, orders, ledger, searched = (self._ports[name] for name in ("signals", "orders", "ledger", "searched"))
        return Desk(signals, orders, ledger, searched, self._ports["time_to_live"])


def figures(scene: Scene, order_type: str) -> dict[str, Any]:
    """What steps ask for besides ports."""
    return {
        "strategies": [Strategy()],
        "rules": RULES,
        "breaker": BREAKER,
        "sizing": Sizing(share=scene.share, max_notional=Decimal(3000), max_exposure=LIMIT),
        "order_type": OrderType(order_type),
        "slippage": Decimal("0.001"),
        "exit_slippage": Decimal("0.05"),
        "time_to_live": timedelta(seconds=12),
        "worth": timedelta(seconds=12),
        "protection": Protection(trailing_stop=Decimal("0.05")),
        "lease": timedelta(seconds=8),
        "order_timeout": timedelta(seconds=scene.order_timeout_s),
        "patience": timedelta(seconds=3),
        "currency": "USDT",
        "symbols": scene.symbols,
        "switched_off": (),
        "held": (),
        "tolerance": Decimal(0),
        "pace": Pace(timedelta(seconds=5), timedelta(seconds=20)),
        "intervals": ["1s"],
        "window_size": 1,
        "size": 30,
        "look_ms": 0,
        "linger_s": 0,
        "others_wait": bool,
        "budget_s": 3600,
        "source": "mexc",
    }
