"""What a re-run would do, whether it is worth it, and why some are refused."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.letters import DeadLetter, KeptLetter, LetterState
from app.domain.market import BarClose, instant_text
from app.domain.orders import Leg, OrderState, Side
from app.domain.rerun import COMES_AGAIN, NEVER_RUN, Facts, Plan, closes_of, key_of, plan, standing
from app.domain.risk import TradingState
from tests.fixtures.memory.builders import BTC, NOON, a_letter, a_signal, an_exit, an_order

FIND, APPROVE, PLACE, SETTLE = "tasks.signals.find", "tasks.risk.approve", "tasks.orders.place", "tasks.orders.settle"
SOON, LATE = NOON + timedelta(seconds=5), NOON + timedelta(minutes=10)
S = OrderState


def facts(**changes: Any) -> Facts:
    return replace(Facts(SOON, timedelta(seconds=20), TradingState.ACTIVE), **changes)


def of(name: str, **changes: Any) -> DeadLetter:
    return a_letter(name=name, **changes)


def a_close(symbol: str = BTC) -> BarClose:
    return BarClose(symbol, "1m", instant_text(NOON))


# --- what has failed is no task of a chain


def test_a_message_that_nobody_could_read_is_never_run() -> None:
    assert plan(a_letter(message="application/json 5"), facts()).objection == NEVER_RUN


def test_what_the_farm_sends_again_by_itself_needs_no_re_run() -> None:
    assert plan(a_letter(name="tasks.ticks.drain", repeats=True), facts()).objection == COMES_AGAIN


def test_a_task_of_which_nothing_is_known_is_run_as_it_was() -> None:
    assert plan(a_letter(name="tasks.news.read"), facts()) == Plan("run tasks.news.read again, with the same arguments")


def test_after_a_crash_a_plan_says_that_it_may_crash_again() -> None:
    assert plan(a_letter(kind="WorkerLostError"), facts(order=an_order())).doubt.startswith("its process was gone")


# --- find


def test_bars_that_nobody_has_searched_are_searched() -> None:
    made = plan(of(FIND, args=json.dumps([[a_close()], "frame", 0])), facts(unsearched=[a_close()]))

    assert made == Plan("look for signals in 1 closed bar of BTC/USDT")


def test_of_old_bars_no_entry_comes_and_that_is_told() -> None:
    closes = [a_close(symbol) for symbol in ("A/USDT", "B/USDT", "C/USDT", "D/USDT")]
    made = plan(of(FIND, args=json.dumps([closes, "frame", 0])), facts(at=LATE, unsearched=closes))

    assert made.does == "look for signals in 4 closed bars of A/USDT, B/USDT, C/USDT and 1 more"
    assert made.doubt == "the newest closed 10 min ago: no entry comes of it, only exits"


def test_bars_that_were_searched_meanwhile_need_no_search() -> None:
    made = plan(of(FIND, args=json.dumps([[a_close()], "frame", 0])), facts())

    assert (made.objection, made.is_over) == ("each of its bars was searched meanwhile", True)


@pytest.mark.parametrize(
    "args", ["[]", "[5]", '["O-1"]', "{}", '[[["BTC/USDT", "1m"]]]', '[[["A", "1m", "noon"]]]', "[…"]
)
def test_arguments_that_name_no_bars_are_told(args: str) -> None:
    assert closes_of(of(FIND, args=args)) == []
    assert plan(of(FIND, args=args), facts()).objection == "it names no closed bars"


# --- approve


def test_a_fresh_signal_is_decided_and_its_order_sent() -> None:
    made = plan(of(APPROVE), facts(signal=a_signal()))

    assert made == Plan("decide on buy BTC/USDT (entry) and, if no rule objects, send the order")


def test_an_old_entry_expires_and_an_old_exit_is_still_wanted() -> None:
    entry = plan(of(APPROVE), facts(signal=a_signal(), at=LATE))
    leaving = plan(of(APPROVE), facts(signal=an_exit(), at=LATE, state=TradingState.HALTED))

    assert entry == Plan("let the signal expire (buy BTC/USDT)", doubt="it is 10 min old, of 20 s")
    assert leaving == Plan("decide on sell BTC/USDT (stop_loss) and, if no rule objects, send the order")


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.REDUCING])
def test_nothing_is_entered_while_trading_is_not_active(state: TradingState) -> None:
    told = f"trading is {state}, and this would enter; first: cdb resume --reason TEXT"

    assert plan(of(APPROVE), facts(signal=a_signal(), state=state)).objection == told
    assert plan(of(APPROVE), facts(signal=a_signal(), order=an_order(), state=state)).objection == told
    assert plan(of(PLACE), facts(order=an_order(), state=state)).objection == told


def test_before_the_account_is_open_nothing_is_known_against_it() -> None:
    assert plan(of(APPROVE), facts(signal=a_signal(), state=None)).objection == ""
    assert plan(of(PLACE), facts(order=an_order(), state=None)).objection == ""


def test_a_signal_that_was_decided_meanwhile_is_not_decided_again() -> None:
    refused = plan(of(APPROVE), facts(signal=a_signal(), refusal="cooldown: too soon"))
    placed = plan(of(APPROVE), facts(signal=a_signal(), order=an_order(state=S.OPEN)))

    assert (refused.objection, refused.is_over) == ("the signal was refused meanwhile: cooldown: too soon", True)
    assert (placed.objection, placed.is_over) == ("its order is at the venue already, and is followed there", True)


def test_an_approved_signal_whose_order_was_not_sent_goes_on_to_be_sent() -> None:
    made = plan(of(APPROVE), facts(signal=a_signal(), order=an_order()))

    assert made == Plan("send buy 1 BTC/USDT (entry) to the venue; the signal is approved")


def test_a_signal_that_is_not_there_is_told() -> None:
    assert plan(of(APPROVE), facts()).objection == "there is no signal O-1"


# --- place and settle


def test_an_approved_order_is_sent() -> None:
    assert plan(of(PLACE), facts(order=an_order())) == Plan("send buy 1 BTC/USDT (entry) to the venue")


def test_an_exit_is_sent_while_trading_is_halted() -> None:
    order = an_order(side=Side.SELL, leg=Leg.STOP_LOSS)

    assert not plan(of(PLACE), facts(order=order, state=TradingState.HALTED)).objection


def test_an_order_whose_time_is_over_expires() -> None:
    made = plan(of(PLACE), facts(order=an_order(), at=NOON + timedelta(hours=3)))

    assert made == Plan("let the order expire (buy BTC/USDT)", doubt="its time to live was over 2 h ago")


@pytest.mark.parametrize("state", [S.UNKNOWN, S.SUBMITTING])
def test_an_order_that_is_unclear_is_never_sent_again_only_looked_up(state: OrderState) -> None:
    order = an_order(state=state, lease_until=NOON)

    assert plan(of(PLACE), facts(order=order)).objection == (
        f"its order is {state}: only the look-up at the venue decides what it is"
    )
    assert plan(of(SETTLE), facts(order=order)) == Plan(
        "ask the venue what became of buy BTC/USDT (entry), and book it"
    )


@pytest.mark.parametrize("name", [PLACE, SETTLE])
def test_an_order_that_has_ended_is_over(name: str) -> None:
    filled = plan(of(name), facts(order=an_order(state=S.FILLED)))
    expired = plan(of(name), facts(order=an_order(state=S.EXPIRED, reason="too late")))

    assert (filled.objection, filled.is_over) == ("its order has ended meanwhile: filled", True)
    assert expired.objection == "its order has ended meanwhile: expired, too late"


def test_there_is_nothing_to_ask_for_of_an_order_that_was_not_sent_or_is_being_sent() -> None:
    being_sent = an_order(state=S.SUBMITTING, lease_until=LATE)

    assert plan(of(SETTLE), facts(order=an_order())).objection.startswith("its order was not sent")
    assert plan(of(SETTLE), facts(order=being_sent)).objection == "its order is being sent just now"


@pytest.mark.parametrize("name", [PLACE, SETTLE])
def test_an_order_that_is_not_there_is_told(name: str) -> None:
    assert plan(of(name), facts()).objection == "there is no order O-1"


# --- the letter


def test_the_key_is_the_first_argument_if_that_is_a_text() -> None:
    assert [key_of(a_letter(args=args)) for args in ('["O-1"]', "[5]", "[]", "{}", "[…")] == ["O-1", "", "", "", ""]


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (LetterState.WAITING, ""),
        (LetterState.FAILED_AGAIN, ""),
        (LetterState.RERUNNING, "it is being run again just now: why (ann)"),
        (LetterState.DONE, "it is done: why (ann)"),
        (LetterState.DISCARDED, "it was discarded: why (ann)"),
    ],
)
def test_a_letter_that_does_not_wait_says_why(state: LetterState, told: str) -> None:
    assert standing(KeptLetter(1, state, 1, NOON, a_letter(), note="why (ann)")) == told
