"""The strategy of chaos keeps the contract of every strategy, and always has something to do."""

from collections.abc import Callable

import pytest
from pandas import DataFrame

from app.domain.orders import Side
from app.strategies import Strategy, strategy
from tests.contracts.strategy import CHECKS, a_walk, decisions

EAGER = "workers.chaos.eager:Strategy"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Callable[[Strategy, DataFrame], None]) -> None:
    check(strategy(EAGER, {}), a_walk(seed=1))


def test_it_follows_every_bar_that_moved_enough() -> None:
    bars = a_walk(seed=1)

    wishes = list(decisions(strategy(EAGER, {}), bars))

    moved = int((bars["close"].pct_change().abs() > 0.001).sum())
    assert sum(wish is not None for wish in wishes) == moved
    assert {wish.side for wish in wishes if wish} == {Side.BUY, Side.SELL}
