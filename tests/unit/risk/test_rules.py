"""Each rule: what it lets pass, what it objects to, the numbers in its sentence, and the values it refuses."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.domain.orders import Leg, Side
from app.domain.parameters import WrongParameter
from app.domain.risk import Account, TradingState
from app.domain.trading import Intent, Signal
from app.risk import Rule, names, rules
from tests.fixtures.memory.builders import BTC, NOON, a_signal, an_exit, an_instrument

EVEN = Decimal(1000)
CALM = Account(TradingState.ACTIVE, cash=EVEN, equity=EVEN, day_open=EVEN, day_high=EVEN, reconciled_at=NOON)
STRATEGY_EXIT = a_signal("sell", side=Side.SELL, leg=Leg.STRATEGY_EXIT)
OPERATOR_EXIT = a_signal("sell", side=Side.SELL, leg=Leg.OPERATOR_EXIT)


def an_intent(signal: Signal | None = None, **changes: Any) -> Intent:
    """Half a BTC at 100, one second after its bar, on a market heard of 0.2 s ago."""
    at = NOON + timedelta(seconds=1)
    plain = Intent(signal or a_signal(), an_instrument(), Decimal(100), Decimal("0.5"), at, market_age_s=0.2)
    return replace(plain, **changes)


def the(name: str, **parameters: Any) -> Rule:
    return rules({name: parameters})[names().index(name)]


def account(**changes: Any) -> Account:
    return replace(CALM, **changes)


def test_the_rules_are_the_files_in_their_order() -> None:
    assert names() == [
        "circuit_breaker",
        "cooldown",
        "max_drawdown",
        "max_exposure",
        "not_reconciled",
        "not_tradable",
        "not_wanted",
        "old_marks",
        "one_position",
        "position_size",
        "stale_market",
        "stale_signal",
        "trading_state",
        "window_gap",
    ]
    assert [type(rule).__module__ for rule in rules({})] == [f"app.risk.{name}" for name in names()]


@pytest.mark.parametrize("name", names())
def test_on_a_calm_day_no_rule_objects_and_each_says_what_it_saw(name: str) -> None:
    numbers = the(name).numbers(an_intent(), CALM)

    assert the(name).objection(an_intent(), CALM) is None
    assert numbers
    assert all(isinstance(text, str) and text for text in numbers.values())


def test_an_exit_is_guarded_by_few_so_that_a_position_can_always_be_left() -> None:
    guards = {name for name in names() if the(name).guards_exits}

    assert guards == {"trading_state", "position_size"}


@pytest.mark.parametrize(
    ("name", "intent", "state", "objection"),
    [
        (
            "max_drawdown",
            an_intent(),
            account(equity=Decimal(950)),
            "drawdown 5.00% from the day's high 1000.00 reached 5.00%",
        ),
        (
            "circuit_breaker",
            an_intent(),
            account(equity=Decimal(890)),
            "loss 11.00% since the day opened at 1000.00 reached 10.00%",
        ),
        (
            "max_exposure",
            an_intent(),
            account(exposure=Decimal(200), reserved=Decimal("50.01")),
            "exposure would be 300.01, 30.00% of equity; the limit is 30.00%",
        ),
        ("max_exposure", an_intent(), account(equity=Decimal(0)), "there is no equity to trade with: 0.00"),
        (
            "position_size",
            an_intent(amount=Decimal("0.099")),
            CALM,
            "size 9.90 is below the smallest trade of 10",
        ),
        (
            "position_size",
            an_intent(amount=Decimal("10.001")),
            CALM,
            "size 1000.10 is above the largest trade of 1000",
        ),
        (
            "position_size",
            an_intent(amount=Decimal(0)),
            account(cash=Decimal(7), exposure=Decimal(290)),
            "limits and balance leave less than the smallest order of 10.00: 7.00 free, "
            "exposure 29.00% of equity 1000.00",
        ),
        (
            "position_size",
            an_intent(an_exit(), amount=Decimal(0)),
            CALM,
            "what is left of BTC/USDT is less than the venue lets anyone sell",
        ),
        (
            "one_position",
            an_intent(),
            account(busy=frozenset({BTC})),
            "BTC/USDT already has an open trade or an entry under way",
        ),
        (
            "cooldown",
            an_intent(),
            account(left_at={BTC: NOON - timedelta(seconds=58.5)}),
            "BTC/USDT was left 59.5 s ago; it rests for 60 s",
        ),
        ("stale_market", an_intent(market_age_s=None), CALM, "no tick of BTC/USDT was heard yet"),
        (
            "not_reconciled",
            an_intent(),
            account(reconciled_at=None),
            "the venue's books were not compared with ours since the start",
        ),
        (
            "not_reconciled",
            an_intent(),
            account(reconciled_at=NOON - timedelta(seconds=120)),
            "the venue's books were compared with ours 121.0 s ago, more than 120 s",
        ),
        (
            "stale_market",
            an_intent(market_age_s=30.1),
            CALM,
            "the last tick of BTC/USDT is 30.1 s old, more than 30 s",
        ),
        (
            "not_tradable",
            an_intent(instrument=an_instrument(tradable=False)),
            CALM,
            "BTC/USDT cannot be traded over the venue's API",
        ),
        (
            "old_marks",
            an_intent(),
            account(old_marks={"ETH/USDT": timedelta(minutes=6), "SOL/USDT": timedelta(hours=1)}),
            "no price of SOL/USDT, which is held, is known now; the last is 3600 s old",
        ),
        (
            "stale_signal",
            an_intent(at=NOON + timedelta(seconds=10.5)),
            CALM,
            "the signal is 10.5 s old, more than 10 s",
        ),
        (
            "window_gap",
            an_intent(a_signal(window_whole=False)),
            CALM,
            "the window of BTC/USDT 1m has a gap; it is filled by the next warm-up",
        ),
    ],
)
def test_an_objection_is_a_sentence_with_its_numbers(name: str, intent: Intent, state: Account, objection: str) -> None:
    assert the(name).objection(intent, state) == objection


@pytest.mark.parametrize("parameters", [{"symbols": "ETH/USDT,SOL/USDT"}, {"off": "ETH/USDT,BTC/USDT"}])
def test_what_the_settings_do_not_want_is_not_entered(parameters: dict[str, str]) -> None:
    objection = the("not_wanted", **parameters).objection(an_intent(), CALM)

    assert objection == "BTC/USDT is not among the symbols of the settings; what is held of it is only left"


@pytest.mark.parametrize("parameters", [{"symbols": "ETH/USDT,BTC/USDT"}, {"off": "ETH/USDT"}])
def test_what_they_want_is(parameters: dict[str, str]) -> None:
    assert the("not_wanted", **parameters).objection(an_intent(), CALM) is None


@pytest.mark.parametrize(
    ("name", "intent", "state"),
    [
        ("max_drawdown", an_intent(), account(equity=Decimal("950.01"))),
        ("circuit_breaker", an_intent(), account(equity=Decimal("900.01"))),
        ("max_exposure", an_intent(), account(exposure=Decimal(200), reserved=Decimal(50))),
        ("position_size", an_intent(amount=Decimal("0.1")), CALM),
        ("position_size", an_intent(amount=Decimal(10)), CALM),
        ("position_size", an_intent(an_exit(), amount=Decimal("0.001")), CALM),
        ("one_position", an_intent(), account(busy=frozenset({"ETH/USDT"}))),
        ("cooldown", an_intent(), account(left_at={BTC: NOON - timedelta(seconds=59)})),
        ("cooldown", an_intent(), account(left_at={"ETH/USDT": NOON})),
        ("stale_market", an_intent(market_age_s=30.0), CALM),
        ("not_reconciled", an_intent(), account(reconciled_at=NOON - timedelta(seconds=119))),
        ("stale_signal", an_intent(at=NOON + timedelta(seconds=10)), CALM),
    ],
)
def test_just_within_the_limit_there_is_no_objection(name: str, intent: Intent, state: Account) -> None:
    assert the(name).objection(intent, state) is None


@pytest.mark.parametrize(
    ("state", "signal", "allowed"),
    [
        (TradingState.ACTIVE, a_signal(), True),
        (TradingState.ACTIVE, STRATEGY_EXIT, True),
        (TradingState.REDUCING, a_signal(), False),
        (TradingState.REDUCING, STRATEGY_EXIT, True),
        (TradingState.REDUCING, an_exit(), True),
        (TradingState.HALTED, a_signal(), False),
        (TradingState.HALTED, STRATEGY_EXIT, False),
        (TradingState.HALTED, an_exit(), True),
        (TradingState.HALTED, OPERATOR_EXIT, True),
    ],
)
def test_the_trading_state_decides_what_may_be_done(state: TradingState, signal: Signal, allowed: bool) -> None:
    objection = the("trading_state").objection(an_intent(signal), account(state=state))

    assert (objection is None) is allowed
    assert allowed or f"trading state {state} allows" in str(objection)


def test_a_halt_lets_go_on_what_was_to_be_left_before_it() -> None:
    halted, goes_on = account(state=TradingState.HALTED), an_intent(STRATEGY_EXIT, goes_on=True)

    assert the("trading_state").objection(goes_on, halted) is None
    assert the("trading_state").objection(an_intent(goes_on=True), halted) is not None, "an entry is none"
    assert the("trading_state").numbers(goes_on, halted)["goes_on"] == "true"


@pytest.mark.parametrize(("name", "limit_s"), [("stale_market", 5), ("stale_signal", "0.5")])
def test_a_rules_parameters_are_its_fields(name: str, limit_s: object) -> None:
    late = an_intent(market_age_s=6.0)

    assert the(name).objection(late, CALM) is None
    assert the(name, limit_s=limit_s).objection(late, CALM) is not None


def test_a_symbol_that_was_never_left_has_no_cooldown() -> None:
    assert the("cooldown").numbers(an_intent(), CALM) == {"since_s": "never", "limit_s": "60"}
    assert the("cooldown").numbers(an_intent(), account(left_at={BTC: NOON}))["since_s"] == "1.000"


def test_books_that_were_never_compared_say_so() -> None:
    assert the("not_reconciled").numbers(an_intent(), account(reconciled_at=None))["reconciled_at"] == "never"


def test_each_old_mark_is_named() -> None:
    old = {"ETH/USDT": timedelta(minutes=6), "SOL/USDT": timedelta(hours=1)}

    assert the("old_marks").numbers(an_intent(), account(old_marks=old)) == {
        "old": "2",
        "ETH/USDT": "360",
        "SOL/USDT": "3600",
    }


def test_a_market_without_a_tick_has_no_age() -> None:
    assert the("stale_market").numbers(an_intent(market_age_s=None), CALM)["market_age_s"] == "none"


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("max_drawdown", {"limit": "5"}, "limit 5 is not a share between 0 and 1"),
        ("circuit_breaker", {"limit": 0}, "limit 0 is not a share"),
        ("max_exposure", {"limit": "1"}, "limit 1 is not a share"),
        ("position_size", {"min_notional": 2000}, "must hold for min_notional, max_notional"),
        ("cooldown", {"limit_s": -1}, "must be 0 seconds or more"),
        ("stale_market", {"limit_s": 0}, "must be above 0 seconds"),
        ("not_reconciled", {"limit_s": 0}, "must be above 0 seconds"),
        ("stale_signal", {"limit_s": 0}, "must be above 0 seconds"),
        ("cooldown", {"limit": 3}, "risk rule cooldown has no parameter 'limit'; did you mean 'limit_s'?"),
        ("one_position", {"limit": 3}, "risk rule one_position has no parameter 'limit'; there is none"),
        ("cool_down", {"limit_s": 3}, "there is no risk rule 'cool_down'; did you mean 'cooldown'?"),
    ],
)
def test_a_wrong_rule_or_parameter_names_the_cure(name: str, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(WrongParameter) as refused:
        rules({name: wrong})

    assert said in str(refused.value)
