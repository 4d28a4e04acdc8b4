"""Run failed tasks again that a person has chosen, each once: claim the letter, then send it as it was."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from app.domain.errors import Missing
from app.domain.letters import DeadLetter, KeptLetter
from app.domain.market import BarClose
from app.domain.orders import Order
from app.domain.rerun import Facts, NotSent, Plan, closes_of, key_of, plan, standing
from app.domain.risk import TradingState
from app.domain.trading import client_order_id
from app.steps.ports import KeptLetters, Ledger, Orders, Reruns, Resting, Signals

log = structlog.get_logger()

PATIENCE = timedelta(minutes=5)  # a run's end is awaited so long: its tries, and a message that comes a second time
AT_ONCE = 100
SOMEBODY_WAS_FASTER = "somebody else was faster, or it has failed again since it was looked at"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one reads what is true now of what failed tasks are about."""

    signals: Signals
    orders: Orders
    ledger: Ledger
    searched: Resting[BarClose]
    time_to_live: timedelta

    def facts(self, letter: DeadLetter, at: datetime) -> Facts:
        """Of one letter."""
        if letter.step == "find":
            unsearched = self.searched.due(closes_of(letter), at)
            return Facts(at, self.time_to_live, unsearched=unsearched)
        if letter.step == "approve":
            return self._of_signal(key_of(letter), at)
        return Facts(at, self.time_to_live, self._state(at), order=self._order(key_of(letter)))

    def _of_signal(self, key: str, at: datetime) -> Facts:
        try:
            signal = self.signals.get(key)
        except Missing:
            return Facts(at, self.time_to_live)
        refusal, order = self.signals.refusal(key), self._order(client_order_id(signal))
        return Facts(at, self.time_to_live, self._state(at), signal, refusal, order)

    def _order(self, name: str) -> Order | None:
        try:
            return self.orders.get(name)
        except Missing:
            return None

    def _state(self, at: datetime) -> TradingState | None:
        try:
            return self.ledger.account({}, at).state
        except Missing:  # or it is not open yet
            return None


@dataclass(frozen=True, slots=True)
class Rerun:
    """A letter, what a re-run of it would do, and what came of asking for one: nothing while `run` is 0.

    `refused` says why there was none, or would be none.
    """

    kept: KeptLetter
    plan: Plan
    refused: str = ""
    run: int = 0


def plan_reruns(chosen: Sequence[KeptLetter], *, desk: Desk, reruns: Reruns, at: datetime) -> list[Rerun]:
    """What re-runs would do, each for itself; nothing is changed."""
    return [_planned(kept, desk, reruns, at) for kept in chosen]


def rerun_letters(
    chosen: Sequence[KeptLetter],
    *,
    reason: str,
    by: str,
    letters: KeptLetters,
    desk: Desk,
    reruns: Reruns,
    now: Callable[[], datetime],
    patience: timedelta = PATIENCE,
) -> list[Rerun]:
    """Run them again, in this order, where nothing speaks against it; who and why are audited.

    Of several who want the same at once, one does it. An end is awaited for `patience`, and then `recall_reruns` asks
    what became of it.
    """
    done: list[Rerun] = []
    for kept in chosen:
        at = now()
        asked = _planned(kept, desk, reruns, at)
        if not asked.refused:
            claimed = letters.claim(kept.number, kept.times, reason=reason, by=by, at=at, deadline=at + patience)
            asked = _sent(asked, claimed, letters, reruns, at) if claimed else _too_late(asked, letters)
        done.append(asked)
    return done


def recall_reruns(*, letters: KeptLetters, desk: Desk, at: datetime) -> int:
    """Re-runs of which nothing was heard in time: done if their work is, otherwise they wait again; how many."""
    late = letters.overdue(at, AT_ONCE)
    for kept in late:
        found = plan(kept.letter, desk.facts(kept.letter, at))
        if found.is_over:
            letters.finish(kept.letter.task_id, kept.reruns, found.objection, at)
        else:
            letters.put_back(kept.number, kept.reruns, "nothing was heard of its re-run in time", at)
    if late:
        log.warning("re-runs were not heard of in time", letters=[kept.number for kept in late])
    return len(late)


def _planned(kept: KeptLetter, desk: Desk, reruns: Reruns, at: datetime) -> Rerun:
    made = plan(kept.letter, desk.facts(kept.letter, at))
    return Rerun(kept, made, standing(kept) or made.objection or reruns.obstacle(kept.letter))


def _too_late(asked: Rerun, letters: KeptLetters) -> Rerun:
    now = letters.get(str(asked.kept.number))
    return replace(asked, kept=now, refused=standing(now) or SOMEBODY_WAS_FASTER)


def _sent(asked: Rerun, claimed: KeptLetter, letters: KeptLetters, reruns: Reruns, at: datetime) -> Rerun:
    """What is claimed is committed before it is sent; what dies in between, or gets lost, `recall_reruns` finds."""
    number, letter = claimed.number, claimed.letter
    try:
        reruns.send(letter, claimed.reruns)
    except NotSent as error:
        why = f"it could not be sent: {error}"
        letters.put_back(number, claimed.reruns, why, at)
        return replace(asked, kept=letters.get(str(number)), refused=why)
    log.info("dead letter is run again", number=number, letter=letter.name, about=letter.about, why=claimed.note)
    return replace(asked, kept=claimed, run=claimed.reruns)
