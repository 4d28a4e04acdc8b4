"""Signals and intents: wishes with a strength, names without chance, and the age of a wish."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.orders import Leg, Side
from app.domain.trading import Intent, Wish, client_order_id, exit_key, signal_key
from tests.fixtures.memory.builders import NOON, a_signal, an_exit, an_instrument


@pytest.mark.parametrize("strength", [0.0, -0.1, 1.1, float("nan")])
def test_a_wish_has_a_strength_above_nothing_and_one_at_most(strength: float) -> None:
    with pytest.raises(ValueError, match="not within"):
        Wish(Side.BUY, strength, "because")


@pytest.mark.parametrize("strength", [1e-9, 1.0])
def test_a_wish_may_be_faint_or_full(strength: float) -> None:
    assert Wish(Side.BUY, strength, "because").strength == strength


def test_an_entry_is_no_exit_and_a_stop_is_a_protective_one() -> None:
    entry, stop, wished = a_signal(), an_exit(), a_signal(side=Side.SELL, leg=Leg.STRATEGY_EXIT)

    assert (entry.is_exit, entry.is_protective) == (False, False)
    assert (stop.is_exit, stop.is_protective) == (True, True)
    assert (wished.is_exit, wished.is_protective) == (True, False)


def test_a_signal_is_named_by_strategy_bar_and_side() -> None:
    once = signal_key("momentum", "1", "BTC/USDT", "1m", NOON, Side.BUY)

    assert once == signal_key("momentum", "1", "BTC/USDT", "1m", NOON, Side.BUY)
    assert once != signal_key("momentum", "1", "BTC/USDT", "1m", NOON, Side.SELL)
    assert once != signal_key("momentum", "2", "BTC/USDT", "1m", NOON, Side.BUY)
    assert once != signal_key("momentum", "1", "BTC/USDT", "1m", NOON + timedelta(minutes=1), Side.BUY)


def test_each_attempt_to_leave_has_its_own_name() -> None:
    names = {exit_key(7, Leg.STOP_LOSS, 0), exit_key(7, Leg.STOP_LOSS, 1), exit_key(8, Leg.STOP_LOSS, 0)}

    assert len(names) == 3


def test_an_order_is_named_by_its_signal_alone() -> None:
    assert client_order_id(a_signal()) == client_order_id(a_signal(found_at=NOON, correlation_id="other"))
    assert client_order_id(a_signal()) != client_order_id(an_exit())


def test_an_intent_knows_its_cost_and_its_age() -> None:
    intent = Intent(a_signal(), an_instrument(), Decimal("100.5"), Decimal(2), NOON + timedelta(seconds=3), 0.1)

    assert intent.symbol == "BTC/USDT"
    assert intent.notional == Decimal(201)
    assert intent.age_s == 3.0
