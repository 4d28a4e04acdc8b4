"""What is to be left is asked for again, also where no tick comes."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from app.domain.market import microseconds
from app.domain.orders import Leg, OrderState, Side
from app.domain.portfolio import TradeStatus
from app.steps.sweep_exits import sweep_exits
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import BTC, NOON, a_signal, an_order

SOON = NOON + timedelta(seconds=1)


def swept(farm: MemoryFarm, at: datetime = SOON) -> int:
    return sweep_exits(trades=farm.trades, signals=farm.signals, prices=farm.prices, hand_on=farm.hand_on, at=at)


@pytest.fixture
def unsold(memory: MemoryFarm) -> MemoryFarm:
    """A trade that its strategy wished to leave at 105, whose exit was cancelled at noon."""
    wish = a_signal("sell", side=Side.SELL, leg=Leg.STRATEGY_EXIT, price=105.0, reason="crossed down")
    memory.signals.save(wish)
    memory.tables.verdicts["sell"] = "approved"
    memory.tables.trades[1] = replace(memory.holding(), leaving_key="sell")
    memory.given(an_order("EXIT", side=Side.SELL, leg=Leg.STRATEGY_EXIT, state=OrderState.CANCELLED))
    return memory


def test_the_wish_is_asked_for_again_as_the_strategys_own_under_a_name_of_its_next_attempt(unsold: MemoryFarm) -> None:
    unsold.prices.heard[BTC] = (101.0, microseconds(NOON))

    assert swept(unsold) == 1

    (_, key), *others = unsold.hand_on.calls
    signal = unsold.signals.get(key)
    assert others == []
    assert (signal.leg, signal.strategy, signal.reason, signal.trade_id, signal.price) == (
        Leg.STRATEGY_EXIT, "momentum", "crossed down", 1, 101.0,
    )  # fmt: skip
    assert (signal.correlation_id, signal.interval, signal.bar_end, key != "sell") == ("frame-1", "", SOON, True)


def test_it_rests_first(unsold: MemoryFarm) -> None:
    assert swept(unsold, NOON + timedelta(seconds=0.4)) == 0
    assert swept(unsold, NOON + timedelta(seconds=0.5)) == 1


def test_twice_is_once(unsold: MemoryFarm) -> None:
    assert [swept(unsold), swept(unsold)] == [1, 0]
    assert len(unsold.hand_on.calls) == 1


def test_where_no_price_is_known_it_is_that_of_the_wish(unsold: MemoryFarm) -> None:
    swept(unsold)

    assert unsold.signals.get(unsold.hand_on.calls[0][1]).price == 105.0


def test_what_has_a_live_exit_is_left_alone(unsold: MemoryFarm) -> None:
    unsold.given(an_order("AGAIN", side=Side.SELL, leg=Leg.STRATEGY_EXIT, state=OrderState.OPEN))

    assert swept(unsold) == 0


@pytest.mark.parametrize("end", [{"status": TradeStatus.CLOSED, "left": Decimal(0)}, {"leaving_key": None}])
def test_what_was_left_or_is_not_to_be_left_is_asked_for_by_nobody(unsold: MemoryFarm, end: dict[str, object]) -> None:
    unsold.tables.trades[1] = replace(unsold.tables.trades[1], **end)  # type: ignore[arg-type]

    assert swept(unsold) == 0
