"""Every strategy there is, held against the contract; and the contract against strategies that break it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pandas import DataFrame

from app.domain.orders import Side
from app.domain.trading import Wish
from app.strategies import Strategy, names, strategy
from tests.contracts.strategy import CHECKS, a_walk, a_window_decides_as_all_of_history, decisions, nothing_looks_ahead
from tests.fixtures.recorded import CANDLES, candles

VARIANTS: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in names()] + [
    ("momentum", {"average": "sma"}),
    ("momentum", {"fast": 12, "slow": 26, "trend": 200, "rsi": 9, "spike": 1.1}),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("name", "parameters"), VARIANTS)
def test_every_strategy_keeps_the_contract(
    name: str, parameters: dict[str, Any], seed: int, check: Callable[[Strategy, DataFrame], None]
) -> None:
    check(strategy(name, parameters), a_walk(seed))


@pytest.mark.skipif(not CANDLES, reason="recorded candles are not on this machine")
@pytest.mark.parametrize("path", CANDLES, ids=lambda path: path.name.partition(".")[0])
@pytest.mark.parametrize("name", names())
def test_every_strategy_keeps_it_on_real_candles(name: str, path: Path) -> None:
    bars = candles(path).iloc[:1500]

    a_window_decides_as_all_of_history(strategy(name, {}), bars, most=80)
    nothing_looks_ahead(strategy(name, {}), bars)


@pytest.mark.parametrize("name", names())
def test_every_strategy_wishes_both_ways_on_a_walk(name: str) -> None:
    sides = {wish.side for wish in decisions(strategy(name, {}), a_walk(seed=1)) if wish}

    assert sides == {Side.BUY, Side.SELL}


@dataclass(frozen=True, slots=True)
class Slow:
    """Forgets nothing, and says that three bars are enough."""

    version: ClassVar[str] = "1"
    window: ClassVar[int] = 3
    warm_up: ClassVar[int] = 2

    def indicators(self, bars: DataFrame) -> DataFrame:
        return DataFrame({"mean": bars["close"].expanding().mean(), "close": bars["close"]})

    def decide(self, now: Mapping[str, float], before: Mapping[str, float]) -> Wish | None:
        return Wish(Side.BUY, 1.0, "above its mean") if now["close"] > now["mean"] else None


@dataclass(frozen=True, slots=True)
class Seer(Slow):
    """Knows the next bar."""

    def indicators(self, bars: DataFrame) -> DataFrame:
        return DataFrame({"mean": bars["close"].shift(-1), "close": bars["close"]})


def test_the_contract_catches_a_window_that_is_too_small() -> None:
    with pytest.raises(AssertionError, match="after bar"):
        a_window_decides_as_all_of_history(Slow(), a_walk(seed=1))


def test_the_contract_catches_who_looks_ahead() -> None:
    with pytest.raises(AssertionError, match=r"change the past in \{'mean'"):
        nothing_looks_ahead(Seer(), a_walk(seed=1))
