"""The state machine of an order: what follows what, what absorbs, and names that depend on the intent alone."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.orders import LIVE, NEXT, TERMINAL, IllegalTransition, OrderState, follow, intent_key
from tests.fixtures.memory.builders import a_fill, an_order

states = st.sampled_from(OrderState)


def test_an_order_can_be_followed_to_its_end() -> None:
    way = [OrderState.APPROVED, OrderState.SUBMITTING, OrderState.UNKNOWN, OrderState.OPEN, OrderState.FILLED]

    assert [follow(now, then) for now, then in pairwise(way)] == way[1:]


@given(now=st.sampled_from(sorted(TERMINAL)), then=states)
def test_a_terminal_state_absorbs_whatever_is_heard(now: OrderState, then: OrderState) -> None:
    assert follow(now, then) is now


@given(now=states, heard=st.lists(states))
def test_whatever_is_heard_an_order_goes_only_where_it_may(now: OrderState, heard: list[OrderState]) -> None:
    for then in heard:
        try:
            after = follow(now, then)
        except IllegalTransition:
            assert then not in NEXT[now]
            continue
        assert after == now or after in NEXT[now]
        now = after


def test_nonsense_is_named() -> None:
    with pytest.raises(IllegalTransition, match="cannot go from approved to filled"):
        follow(OrderState.APPROVED, OrderState.FILLED)


def test_every_live_state_can_end_and_no_terminal_one_goes_on() -> None:
    assert all(not NEXT[state] for state in TERMINAL)
    assert all(_can_end(state) for state in LIVE)


def _can_end(state: OrderState) -> bool:
    seen, ahead = set[OrderState](), {state}
    while ahead - seen:
        seen |= ahead
        ahead = {after for one in ahead for after in NEXT[one]}
    return bool(seen & TERMINAL)


def test_an_order_is_live_until_its_end() -> None:
    assert an_order(state=OrderState.UNKNOWN).is_live
    assert not an_order(state=OrderState.CANCELLED).is_live


@given(parts=st.lists(st.one_of(st.text(), st.integers()), min_size=1))
def test_a_name_has_32_characters_that_mexc_takes_and_is_the_same_each_time(parts: list[object]) -> None:
    name = intent_key(*parts)

    assert len(name) == 32
    assert name.isascii()
    assert name.isalnum()
    assert name == intent_key(*parts)


def test_other_intents_have_other_names() -> None:
    assert intent_key("momentum", "BTC/USDT", "buy") != intent_key("momentum", "BTC/USDT", "sell")


@pytest.mark.parametrize("change", [{"amount": Decimal(0)}, {"price": Decimal(-1)}])
def test_an_order_of_nothing_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        an_order(**change)


def test_a_reservation_is_never_negative() -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        an_order(reserved=Decimal(-1))


@pytest.mark.parametrize("change", [{"amount": Decimal(0)}, {"price": Decimal(0)}])
def test_a_fill_of_nothing_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        a_fill(**change)
