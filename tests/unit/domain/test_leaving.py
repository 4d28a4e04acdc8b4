"""Which trades a wish to leave is about: a strategy leaves what it entered, on what it has seen since."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.leaving import TOLD_LATE, Entered, Leaving, is_heard, may_have_sold_more
from app.domain.orders import Leg, OrderState, Side
from app.domain.portfolio import Trade, TradeStatus
from app.domain.risk import TradingState
from tests.fixtures.memory.builders import NOON, a_signal, an_exit

MINUTE = timedelta(minutes=1)
OPEN = Trade(1, "BTC/USDT", "momentum", TradeStatus.OPEN, NOON + timedelta(seconds=2))
PENDING = replace(OPEN, id=2, status=TradeStatus.PENDING)
ENTERED = Entered(OPEN, NOON)
WISH = a_signal("sell", side=Side.SELL, leg=Leg.STRATEGY_EXIT, bar_end=NOON + MINUTE)


@pytest.mark.parametrize(
    ("leg", "state", "heard"),
    [
        (Leg.STRATEGY_EXIT, TradingState.ACTIVE, True),
        (Leg.STRATEGY_EXIT, TradingState.REDUCING, True),
        (Leg.STRATEGY_EXIT, TradingState.HALTED, False),
        (Leg.STOP_LOSS, TradingState.HALTED, True),
        (Leg.OPERATOR_EXIT, TradingState.HALTED, True),
    ],
)
def test_only_a_halt_is_deaf_and_only_to_strategies(leg: Leg, state: TradingState, heard: bool) -> None:
    assert is_heard(an_exit(leg=leg), state) is heard


@pytest.mark.parametrize(
    ("state", "unsure"),
    [
        (OrderState.CANCELLED, True),
        (OrderState.EXPIRED, True),
        (OrderState.REJECTED, True),
        (OrderState.FILLED, False),
        (OrderState.UNKNOWN, False),  # it lives: nobody sends another
    ],
)
def test_an_exit_that_ended_short_may_have_sold_more_and_not_for_long(state: OrderState, unsure: bool) -> None:
    assert may_have_sold_more(state, NOON, NOON + TOLD_LATE - timedelta(microseconds=1)) is unsure
    assert not may_have_sold_more(state, NOON, NOON + TOLD_LATE)


def test_a_strategy_leaves_what_it_entered_on_an_older_bar() -> None:
    assert Leaving.of(WISH, [ENTERED]) == Leaving((OPEN,), OPEN)


def test_an_entry_that_took_its_time_does_not_make_a_newer_bar_an_old_one() -> None:
    soon = replace(WISH, bar_end=NOON + timedelta(seconds=1))
    assert soon.bar_end < OPEN.opened_at

    assert Leaving.of(soon, [ENTERED]).trade == OPEN


@pytest.mark.parametrize("before", [timedelta(0), timedelta(hours=2)])
def test_a_wish_that_is_not_newer_than_the_entry_is_not_about_it(before: timedelta) -> None:
    found = Leaving.of(replace(WISH, bar_end=NOON - before), [ENTERED])

    assert (found.trades, found.trade) == ((), None)
    assert found.objection is not None
    assert found.objection.rule == "old_exit"
    assert "is not newer than the bar of 2024-11-20T12:00:00Z, on which trade 1 was entered" in str(
        found.objection.objection
    )


def test_a_strategy_does_not_leave_what_another_entered() -> None:
    found = Leaving.of(replace(WISH, strategy="breakout"), [ENTERED])

    assert found.trade is None
    assert found.objection is not None
    assert found.objection.rule == "other_strategy"
    assert found.objection.objection == "trade 1 was entered by momentum, which alone may wish to leave it"


def test_who_names_a_trade_means_it_whoever_entered_it_and_when() -> None:
    named = an_exit(strategy="protection", bar_end=NOON - MINUTE, trade_id=1)

    assert Leaving.of(named, [ENTERED]).trade == OPEN


def test_where_there_is_no_trade_the_objection_says_so() -> None:
    objection = Leaving.of(WISH, []).objection

    assert objection is not None
    assert objection.objection == "there is no open trade to leave"


def test_what_has_bought_nothing_yet_is_meant_and_not_sold() -> None:
    found = Leaving.of(WISH, [Entered(PENDING, NOON)])

    assert (found.trades, found.trade) == ((PENDING,), None)
    assert found.objection is not None
    assert found.objection.objection == "trade 2 has bought nothing yet"


def test_of_several_trades_all_are_meant_and_the_first_that_holds_something_is_sold() -> None:
    late = replace(OPEN, id=3)
    other = replace(OPEN, id=4, strategy="breakout")

    found = Leaving.of(WISH, [Entered(PENDING, NOON), ENTERED, Entered(late, NOON), Entered(other, NOON)])

    assert (found.trades, found.trade) == ((PENDING, OPEN, late), OPEN)
