"""Whether a failed task may be run again: what that would do, whether it is still worth it, or why it is refused.

A plan is advice: between it and the run everything may change. What keeps an order from being placed twice, or when it
must not be, are the steps themselves, which look again under their locks.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.domain.letters import CRASHED, DeadLetter, KeptLetter, LetterState
from app.domain.market import BarClose
from app.domain.orders import AT_VENUE, TERMINAL, Order, OrderState, Side
from app.domain.risk import TradingState
from app.domain.trading import Signal

NEVER_RUN = (
    "the message could not be read, so that nobody knows what it asked for; the sweep sends again what stands still"
)
COMES_AGAIN = "the farm sends it again by itself; what it failed to do, the next one does"


class NotSent(Exception):
    """The broker did not take it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a re-run would do; an `objection` refuses it, a `doubt` says why little may come of it.

    `is_over` says that somebody else has done meanwhile what the task was for.
    """

    does: str = ""
    doubt: str = ""
    objection: str = ""
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true now of what the task is about; `refusal` is why its signal became no order."""

    at: datetime
    time_to_live: timedelta
    state: TradingState | None = None
    signal: Signal | None = None
    refusal: str | None = None
    order: Order | None = None
    unsearched: Sequence[BarClose] = ()


def arguments(letter: DeadLetter) -> list[Any]:
    """What the task was called with, as far as it can be read."""
    try:
        found = json.loads(letter.args)
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def key_of(letter: DeadLetter) -> str:
    """The key that the task was called with, or nothing."""
    first = next(iter(arguments(letter)), "")
    return first if isinstance(first, str) else ""


def closes_of(letter: DeadLetter) -> list[BarClose]:
    """The closes of bars that the task was called with, as far as they are such."""
    first: Any = next(iter(arguments(letter)), None)
    return [BarClose(*names) for names in first if _is_close(names)] if isinstance(first, list) else []


def _is_close(names: Any) -> bool:
    match names:
        case [str(), str(), str(end)]:
            return _is_instant(end)
    return False


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def standing(kept: KeptLetter) -> str:
    """Why a letter does not wait for a person, or nothing."""
    if kept.state is LetterState.RERUNNING:
        return f"it is being run again just now: {kept.note}"
    if kept.state is LetterState.DONE:
        return f"it is done: {kept.note}"
    if kept.state is LetterState.DISCARDED:
        return f"it was discarded: {kept.note}"
    return ""


def plan(letter: DeadLetter, facts: Facts) -> Plan:
    """What a re-run would do as things stand."""
    if letter.message:
        return Plan(objection=NEVER_RUN)
    if letter.repeats:
        return Plan(objection=COMES_AGAIN)
    made = PLANS.get(letter.name, _any_task)(letter, facts)
    if letter.kind in CRASHED and not made.objection and not made.doubt:
        return Plan(made.does, doubt="its process was gone the last time; it may be so again")
    return made


def _any_task(letter: DeadLetter, facts: Facts) -> Plan:
    return Plan(f"run {letter.name} again, with the same arguments")


def _find(letter: DeadLetter, facts: Facts) -> Plan:
    closes = closes_of(letter)
    if not closes:
        return Plan(objection="it names no closed bars")
    if not facts.unsearched:
        return Plan(objection="each of its bars was searched meanwhile", is_over=True)
    does = f"look for signals in {_some(len(facts.unsearched), 'closed bar')} of {_symbols(facts.unsearched)}"
    newest = max(datetime.fromisoformat(close.end) for close in facts.unsearched)
    if facts.at - newest < facts.time_to_live:
        return Plan(does)
    return Plan(does, doubt=f"the newest closed {_age(facts.at - newest)} ago: no entry comes of it, only exits")


def _approve(letter: DeadLetter, facts: Facts) -> Plan:
    signal = facts.signal
    if signal is None:
        return Plan(objection=f"there is no signal {key_of(letter)}")
    if facts.refusal is not None:
        return Plan(objection=f"the signal was refused meanwhile: {facts.refusal}", is_over=True)
    if facts.order is not None:
        made = _place(letter, facts)
        return made if made.objection else Plan(f"{made.does}; the signal is approved", made.doubt)
    if not signal.is_exit and facts.state not in (None, TradingState.ACTIVE):
        return Plan(objection=_no_entry(facts))
    does = f"decide on {signal.side} {signal.symbol} ({signal.leg}) and, if no rule objects, send the order"
    age = facts.at - signal.bar_end
    if signal.is_exit or age < facts.time_to_live:
        return Plan(does)
    limit = f"{facts.time_to_live.total_seconds():g} s"
    return Plan(f"let the signal expire ({signal.side} {signal.symbol})", doubt=f"it is {_age(age)} old, of {limit}")


def _place(letter: DeadLetter, facts: Facts) -> Plan:
    order = facts.order
    if order is None:
        return Plan(objection=f"there is no order {key_of(letter)}")
    if order.state in TERMINAL:
        return Plan(objection=f"its order has ended meanwhile: {_told(order)}", is_over=True)
    if order.state in AT_VENUE:
        return Plan(objection="its order is at the venue already, and is followed there", is_over=True)
    if order.state is not OrderState.APPROVED:
        return Plan(objection=f"its order is {order.state}: only the look-up at the venue decides what it is")
    does = f"send {order.side} {order.amount.normalize():f} {order.symbol} ({order.leg}) to the venue"
    if facts.at >= order.expires_at:
        doubt = f"its time to live was over {_age(facts.at - order.expires_at)} ago"
        return Plan(f"let the order expire ({order.side} {order.symbol})", doubt=doubt)
    if order.side is Side.BUY and facts.state not in (None, TradingState.ACTIVE):
        return Plan(objection=_no_entry(facts))
    return Plan(does)


def _settle(letter: DeadLetter, facts: Facts) -> Plan:
    order = facts.order
    if order is None:
        return Plan(objection=f"there is no order {key_of(letter)}")
    if order.state in TERMINAL:
        return Plan(objection=f"its order has ended meanwhile: {_told(order)}", is_over=True)
    if order.state is OrderState.APPROVED:
        return Plan(objection="its order was not sent, or was proved absent: there is nothing to ask for")
    if order.lease_until is not None and order.state is OrderState.SUBMITTING and facts.at < order.lease_until:
        return Plan(objection="its order is being sent just now")
    return Plan(f"ask the venue what became of {order.side} {order.symbol} ({order.leg}), and book it")


PLANS: dict[str, Callable[[DeadLetter, Facts], Plan]] = {
    "tasks.signals.find": _find,
    "tasks.risk.approve": _approve,
    "tasks.orders.place": _place,
    "tasks.orders.settle": _settle,
}


def _no_entry(facts: Facts) -> str:
    return f"trading is {facts.state}, and this would enter; first: cdb resume --reason TEXT"


def _told(order: Order) -> str:
    return f"{order.state}, {order.reason}" if order.reason else str(order.state)


def _some(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _symbols(closes: Sequence[BarClose]) -> str:
    names = sorted({close.symbol for close in closes})
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _age(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
