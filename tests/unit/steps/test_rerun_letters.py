"""Failed tasks are run again once, whoever asks and whatever is lost, and no order is placed twice."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.domain.letters import DeadLetter, KeptLetter, LetterState
from app.domain.orders import OrderState, Side
from app.domain.risk import TradingState
from app.domain.trading import Wish, client_order_id
from app.steps.rerun_letters import (
    PATIENCE,
    SOMEBODY_WAS_FASTER,
    Rerun,
    plan_reruns,
    recall_reruns,
    rerun_letters,
)
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import NOON, a_letter, a_signal, an_order, some_bars
from tests.fixtures.memory.worker import MemoryReruns

S = LetterState
SIGNAL = a_signal()
NAME = client_order_id(SIGNAL)
PLACE = {"task": "tasks.orders.place", "options": {"task_id": "place-1"}}
CLOSE = [list(some_bars(9)[-1].key)]


@dataclass
class Strategy:
    """Wishes to buy at each bar."""

    version: str = "1"
    window: int = 5
    warm_up: int = 2
    seen: list[Any] = field(default_factory=list)

    def indicators(self, bars: Any) -> Any:
        return bars

    def decide(self, now: Any, before: Any) -> Wish:
        return Wish(Side.BUY, 0.5, "because")


@pytest.fixture
def reruns(memory: MemoryFarm) -> MemoryReruns:
    """A worker over a farm in memory, where a signal was found, and its bar."""
    memory.bars.save(some_bars(9))
    memory.signals.save(SIGNAL)
    return MemoryReruns(memory, (Strategy(),))


def kept(farm: MemoryFarm, letter: DeadLetter) -> KeptLetter:
    farm.letters.keep(letter)
    return farm.letters.get(letter.task_id)


def run(reruns: MemoryReruns, *letters: KeptLetter) -> list[Rerun]:
    farm = reruns.farm
    return rerun_letters(
        letters, reason="fixed", by="ann", letters=farm.letters, desk=reruns.desk, reruns=reruns, now=farm.now
    )


def recall(reruns: MemoryReruns) -> int:
    return recall_reruns(letters=reruns.farm.letters, desk=reruns.desk, at=reruns.farm.now())


def approval(**changes: Any) -> DeadLetter:
    about: dict[str, Any] = {"name": "tasks.risk.approve", "args": '["signal-1"]', "about": "signal-1"}
    return a_letter("approve-1", **{**about, "chain": json.dumps([PLACE]), **changes})


def placing(**changes: Any) -> DeadLetter:
    return a_letter("place-1", **{"args": json.dumps([NAME]), "about": NAME, **changes})


def given_order(farm: MemoryFarm, state: OrderState = OrderState.APPROVED, **changes: Any) -> None:
    farm.tables.verdicts["signal-1"] = "approved"
    farm.given(an_order(NAME, state=state, **changes))


# --- one letter


def test_a_failed_approval_goes_on_with_the_rest_of_its_chain_under_its_own_ids(reruns: MemoryReruns) -> None:
    farm = reruns.farm
    letter = kept(farm, approval(root_id="root", parent_id="parent"))

    [done] = run(reruns, letter)
    [sent] = reruns.queue

    assert (done.run, done.refused, done.kept.state) == (1, "", S.RERUNNING)
    assert (sent.task_id, sent.root_id, sent.parent_id) == ("approve-1", "root", "parent")
    assert sent.correlation_id == "frame-1"
    assert reruns.work() == ["tasks.risk.approve", "tasks.orders.place"]
    assert (farm.letters.get("approve-1").state, farm.trading.accepted) == (S.DONE, 1)
    assert [event for event, _ in farm.tables.audits if event.startswith("letter")] == [
        "letter.rerunning",
        "letter.done",
    ]


def test_a_plan_changes_nothing(reruns: MemoryReruns) -> None:
    letter = kept(reruns.farm, approval())

    [planned] = plan_reruns([letter], desk=reruns.desk, reruns=reruns, at=NOON)

    assert (planned.refused, planned.run) == ("", 0)
    assert planned.plan.does == "decide on buy BTC/USDT (entry) and, if no rule objects, send the order"
    assert reruns.farm.letters.get("approve-1") == letter
    assert reruns.queue == []


def test_what_fails_again_waits_again_and_counts(reruns: MemoryReruns) -> None:
    farm = reruns.farm
    given_order(farm)
    farm.trading.deaf = [ZeroDivisionError("again"), ZeroDivisionError("and again")]
    run(reruns, kept(farm, placing()))
    reruns.work()
    again = farm.letters.get("place-1")

    assert (again.state, again.times, again.letter.kind) == (S.FAILED_AGAIN, 2, "ZeroDivisionError")
    assert again.note == "re-run 1 failed: ZeroDivisionError"
    [refused] = run(reruns, again)
    assert refused.refused == "its order is unknown: only the look-up at the venue decides what it is"


def test_a_broker_that_is_away_leaves_the_letter_waiting(reruns: MemoryReruns) -> None:
    reruns.is_away = True

    [done] = run(reruns, kept(reruns.farm, approval()))

    assert (done.run, done.refused) == (0, "it could not be sent: the broker is away")
    assert reruns.farm.letters.get("approve-1").state is S.WAITING


def test_the_second_of_two_clicks_is_refused(reruns: MemoryReruns) -> None:
    letter = kept(reruns.farm, approval())

    first, second = run(reruns, letter)[0], run(reruns, letter)[0]

    assert (first.run, second.run) == (1, 0)
    assert second.refused == "it is being run again just now: fixed (ann)"
    assert len(reruns.queue) == 1


def test_a_click_on_what_has_failed_again_meanwhile_is_refused(reruns: MemoryReruns) -> None:
    farm = reruns.farm
    farm.ledger.set_state(TradingState.ACTIVE, "", "", NOON)
    letter = kept(farm, a_letter("settle-1", name="tasks.orders.settle", args=json.dumps([NAME]), about=NAME))
    given_order(farm, OrderState.OPEN, claimed_at=NOON)
    farm.trading.answers = [KeyError("a mistake")]  # type: ignore[list-item]
    run(reruns, letter)
    farm.letters.keep(a_letter("settle-1", kind="KeyError", run=1))

    [second] = run(reruns, letter)

    assert second.refused == SOMEBODY_WAS_FASTER


# --- what must not be


def test_nothing_is_entered_while_trading_is_halted_not_even_if_it_is_halted_after_the_click(
    reruns: MemoryReruns,
) -> None:
    farm = reruns.farm
    given_order(farm)
    letter = kept(farm, placing())
    farm.ledger.set_state(TradingState.HALTED, "news", "ann", NOON)
    assert run(reruns, letter)[0].refused.startswith("trading is HALTED")
    farm.ledger.set_state(TradingState.ACTIVE, "over", "ann", NOON)
    run(reruns, letter)
    farm.ledger.set_state(TradingState.HALTED, "news", "ann", NOON)

    reruns.work()

    assert farm.trading.accepted == 0
    assert farm.orders.get(NAME).state is OrderState.EXPIRED


def test_an_old_signal_expires(reruns: MemoryReruns) -> None:
    farm = reruns.farm
    farm.now.pass_by(seconds=40)

    [done] = run(reruns, kept(farm, approval()))

    assert done.plan.does == "let the signal expire (buy BTC/USDT)"
    assert reruns.work() == ["tasks.risk.approve"]
    assert (farm.tables.verdicts["signal-1"], farm.trading.accepted) == ("expired", 0)
    assert farm.letters.get("approve-1").state is S.DONE


def test_what_a_sweep_has_done_meanwhile_is_not_done_again(reruns: MemoryReruns) -> None:
    farm = reruns.farm
    letter = kept(farm, approval())
    reruns.send(letter.letter, 0)  # as the sweep would, under another id
    reruns.work()

    [done] = run(reruns, letter)

    assert done.refused == "its order is at the venue already, and is followed there"
    assert farm.trading.accepted == 1


def test_a_symbol_without_an_account_or_a_signal_is_no_reason_to_fall_over(reruns: MemoryReruns) -> None:
    reruns.farm.tables.cash = None
    letters = [kept(reruns.farm, approval()), kept(reruns.farm, a_letter("nobody", name="tasks.risk.approve"))]

    planned = plan_reruns(letters, desk=reruns.desk, reruns=reruns, at=NOON)

    assert [one.refused for one in planned] == ["", "there is no signal O-1"]


# --- what is lost


def test_a_re_run_of_which_nothing_is_heard_waits_again(reruns: MemoryReruns) -> None:
    farm = reruns.farm
    run(reruns, kept(farm, approval()))
    reruns.flush()

    assert recall(reruns) == 0
    farm.now.pass_by(seconds=PATIENCE.total_seconds())
    with capture_logs() as logs:
        assert recall(reruns) == 1

    assert [line["letters"] for line in logs] == [[1]]
    back = farm.letters.get("approve-1")
    assert (back.state, back.note, back.reruns) == (S.WAITING, "nothing was heard of its re-run in time", 1)
    assert run(reruns, back)[0].run == 2


def test_a_re_run_whose_work_the_sweep_has_done_is_done(reruns: MemoryReruns) -> None:
    farm = reruns.farm
    given_order(farm)
    run(reruns, kept(farm, placing()))
    reruns.flush()
    reruns._place(NAME)  # the sweep's own message
    farm.now.pass_by(seconds=PATIENCE.total_seconds())

    assert recall(reruns) == 1
    assert farm.letters.get("place-1").state is S.DONE
    assert farm.trading.accepted == 1


def test_an_end_that_comes_after_the_deadline_counts_all_the_same(reruns: MemoryReruns) -> None:
    farm = reruns.farm
    run(reruns, kept(farm, approval()))
    farm.now.pass_by(seconds=PATIENCE.total_seconds())
    recall(reruns)

    reruns.work()

    assert farm.letters.get("approve-1").state is S.DONE


# --- the matrix: every link, every cause, one click or two, and Redis emptied in between

LINKS: dict[str, Callable[[MemoryFarm], DeadLetter]] = {}


def link(make: Callable[[MemoryFarm], DeadLetter]) -> Callable[[MemoryFarm], DeadLetter]:
    LINKS[make.__name__.removeprefix("failed_")] = make
    return make


@link
def failed_find(farm: MemoryFarm) -> DeadLetter:
    args = json.dumps([CLOSE, "frame-1", 1])
    return a_letter("find-1", name="tasks.signals.find", about="", args=args)


@link
def failed_approve(farm: MemoryFarm) -> DeadLetter:
    return approval()


@link
def failed_place(farm: MemoryFarm) -> DeadLetter:
    given_order(farm)
    return placing()


@link
def failed_settle(farm: MemoryFarm) -> DeadLetter:
    given_order(farm)
    MemoryReruns(farm)._place(NAME)
    return a_letter("settle-1", name="tasks.orders.settle", args=json.dumps([NAME]), about=NAME)


@link
def failed_drain(farm: MemoryFarm) -> DeadLetter:
    return a_letter("drain-1", name="tasks.ticks.drain", args="[0]", about="", repeats=True)


@link
def failed_upkeep(farm: MemoryFarm) -> DeadLetter:
    return a_letter("sweep-1", name="tasks.upkeep.sweep", args="[]", about="", repeats=True)


CAUSES: dict[str, dict[str, Any]] = {
    "exception of code": {"kind": "KeyError"},
    "database away": {"kind": "DatabaseError", "attempts": 7},
    "venue away": {"kind": "Unavailable", "attempts": 7},
    "worker lost": {"kind": "WorkerLostError"},
    "hard time limit": {"kind": "TimeLimitExceeded"},
    "unknown task": {"kind": "UnknownTask"},
    "unreadable message": {"kind": "DecodeError", "message": "application/json {"},
}
FLUSHES = ("never", "before the click", "between the clicks", "after the clicks")
REFUSED = {"drain", "upkeep"}


@pytest.mark.parametrize(("name", "cause"), list(product(LINKS, CAUSES)), ids=lambda part: part.replace(" ", "-"))
@pytest.mark.parametrize("clicks", [1, 2], ids=["once", "twice"])
@pytest.mark.parametrize("flushed", FLUSHES, ids=lambda when: when.replace(" ", "-"))
def test_each_failure_is_run_again_once_or_refused_with_its_reason(
    memory: MemoryFarm, reruns: MemoryReruns, name: str, cause: str, clicks: int, flushed: str
) -> None:
    made = LINKS[name](memory)
    letter = kept(memory, replace(made, **CAUSES[cause]))
    if flushed == "before the click":
        reruns.flush()
    done = run(reruns, letter)
    if flushed == "between the clicks":
        reruns.flush()
    done += run(reruns, letter) if clicks == 2 else []
    if flushed == "after the clicks":
        reruns.flush()

    if name in REFUSED or cause == "unreadable message":
        assert all(one.refused and not one.run for one in done)
        assert (reruns.work(), memory.letters.get(letter.letter.task_id).state) == ([], S.WAITING)
        return
    assert [one.run for one in done] == [1, 0][:clicks]
    reruns.work()
    lost = flushed in ("between the clicks", "after the clicks")
    memory.now.pass_by(seconds=PATIENCE.total_seconds() if lost else 0)
    recall(reruns)
    after = memory.letters.get(letter.letter.task_id)
    assert after.state is (S.WAITING if lost else S.DONE)
    assert after.deadline is None
    if not lost and name == "find":
        assert [queue for queue, _ in memory.hand_on.calls] == ["signal"]
    assert memory.trading.accepted == (0 if name == "find" or (lost and name != "settle") else 1)
    assert {one for one, _ in memory.trading.sent} <= {NAME}
