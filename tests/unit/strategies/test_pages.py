"""The examples on the how-to pages, run as a reader would run them."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pandas import DataFrame

import app.risk
import app.strategies
from app.domain.orders import Side
from app.domain.parameters import WrongParameter
from app.domain.risk import Account, TradingState
from app.domain.trading import Intent
from tests.contracts.strategy import CHECKS, a_walk, decisions
from tests.fixtures.memory.builders import NOON, a_signal, an_instrument

DOCS = Path(__file__).parents[3] / "docs"


def example(page: str) -> str:
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    return str(code)


@pytest.fixture
def breakout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> app.strategies.Strategy:
    """The strategy of the page, in a folder that is searched as app/strategies is."""
    (tmp_path / "breakout.py").write_text(example("add-a-strategy.md"))
    monkeypatch.setattr(app.strategies, "__path__", [*app.strategies.__path__, str(tmp_path)])
    return app.strategies.strategy("breakout", {"length": "10"})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_strategy_on_the_page_keeps_the_contract(
    breakout: app.strategies.Strategy, check: Callable[[app.strategies.Strategy, DataFrame], None]
) -> None:
    check(breakout, a_walk(seed=3))


def test_the_strategy_on_the_page_wishes_both_ways(breakout: app.strategies.Strategy) -> None:
    assert {wish.side for wish in decisions(breakout, a_walk(seed=3)) if wish} == {Side.BUY, Side.SELL}


def test_the_rule_on_the_page_is_found_and_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weak_signal.py").write_text(example("add-a-rule.md"))
    monkeypatch.setattr(app.risk, "__path__", [*app.risk.__path__, str(tmp_path)])
    rule = app.risk.rules({"weak_signal": {"least": "0.6"}})[app.risk.names().index("weak_signal")]
    intent = Intent(a_signal(strength=0.5), an_instrument(), Decimal(100), Decimal(1), NOON + timedelta(seconds=1), 0.1)
    much = Decimal(1000)
    account = Account(TradingState.ACTIVE, cash=much, equity=much, day_open=much, day_high=much)

    assert rule.objection(intent, account) == "strength 0.50 is below 0.60"
    assert rule.numbers(intent, account) == {"strength": "0.5000", "least": "0.6"}
    with pytest.raises(WrongParameter, match="not within 0 and 1"):
        app.risk.rules({"weak_signal": {"least": 2}})
