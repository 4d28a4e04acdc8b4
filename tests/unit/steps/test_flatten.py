"""Everything is left by the way of every exit, once, and when a halt is to flatten, by the farm itself."""

from dataclasses import replace

import pytest

from app.domain.market import microseconds
from app.domain.orders import Leg, OrderState, Side
from app.domain.risk import TradingState
from app.steps.flatten import flatten, flatten_while_halted
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import BTC, NOON, a_signal, an_exit, an_order

ETH = "ETH/USDT"


def flattened(farm: MemoryFarm) -> list[str]:
    return flatten(
        trades=farm.trades,
        signals=farm.signals,
        prices=farm.prices,
        hand_on=farm.hand_on,
        reason="enough",
        at=NOON,
    )


def while_halted(farm: MemoryFarm, *, wanted: bool = True) -> int:
    return flatten_while_halted(
        wanted=wanted,
        ledger=farm.ledger,
        trades=farm.trades,
        signals=farm.signals,
        prices=farm.prices,
        hand_on=farm.hand_on,
        at=NOON,
    )


def test_each_open_trade_gets_an_operators_exit_at_the_last_price(memory: MemoryFarm) -> None:
    memory.holding(number=1)
    memory.holding(number=2, symbol=ETH, price="7")
    memory.prices.heard[BTC] = (110.0, microseconds(NOON))

    keys = flattened(memory)

    signals = [memory.signals.get(key) for key in keys]
    assert [(one.symbol, one.trade_id, one.price) for one in signals] == [(BTC, 1, 110.0), (ETH, 2, 7.0)]
    assert {(one.leg, one.side, one.reason) for one in signals} == {(Leg.OPERATOR_EXIT, Side.SELL, "enough")}
    assert memory.hand_on.calls == [("signal", key) for key in keys]


def test_twice_is_once(memory: MemoryFarm) -> None:
    memory.holding()

    assert flattened(memory) == flattened(memory)
    assert len(memory.tables.signals) == 1


def test_a_trade_that_is_being_left_is_left_alone(memory: MemoryFarm) -> None:
    memory.holding(number=1)
    memory.given(an_order("EXIT", side=Side.SELL, leg=Leg.STOP_LOSS, state=OrderState.OPEN, claimed_at=NOON))

    assert flattened(memory) == []


def test_after_an_exit_that_failed_a_person_may_ask_at_once_and_a_halt_waits_a_little(memory: MemoryFarm) -> None:
    memory.holding(number=1)
    memory.given(an_order("EXIT", side=Side.SELL, leg=Leg.STOP_LOSS, state=OrderState.CANCELLED, claimed_at=NOON))
    memory.tables.state = TradingState.HALTED

    assert while_halted(memory) == 0
    assert len(flattened(memory)) == 1


@pytest.mark.parametrize(("state", "exits"), [(TradingState.HALTED, 1), (TradingState.REDUCING, 0)])
def test_only_a_halt_flattens_by_itself(memory: MemoryFarm, state: TradingState, exits: int) -> None:
    memory.holding()
    memory.tables.state = state

    assert while_halted(memory) == exits
    assert while_halted(memory, wanted=False) == 0


def test_without_an_account_there_is_nothing_to_leave(memory: MemoryFarm) -> None:
    memory.tables.cash = None

    assert while_halted(memory) == 0


def test_what_is_still_being_bought_is_to_be_left_as_well(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())
    memory.given(an_order(state=OrderState.UNKNOWN, claimed_at=NOON))

    (key,) = flattened(memory)

    assert (memory.signals.get(key).trade_id, memory.signals.get(key).price) == (1, a_signal().price)


def test_what_is_to_be_left_already_a_halt_leaves_to_the_sweep(memory: MemoryFarm) -> None:
    memory.signals.save(an_exit())
    memory.tables.trades[1] = replace(memory.holding(), leaving_key="exit-1")
    memory.tables.state = TradingState.HALTED

    assert while_halted(memory) == 0
    assert len(flattened(memory)) == 1
