"""A halt withdraws the entries that it came too late for, and nothing else."""

from decimal import Decimal

import pytest

from app.domain.errors import Refused, Unavailable
from app.domain.orders import Leg, OrderState, Side
from app.domain.portfolio import TradeStatus
from app.domain.risk import TradingState
from app.steps.withdraw_entries import withdraw_entries
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import NOON, a_report, an_order


def withdrawn(farm: MemoryFarm) -> int:
    return withdraw_entries(ledger=farm.ledger, orders=farm.orders, trading=farm.trading, at=NOON)


def resting(farm: MemoryFarm) -> None:
    farm.given(an_order("RESTING", state=OrderState.OPEN, claimed_at=NOON))
    farm.trading.orders["RESTING"] = a_report(OrderState.OPEN)


@pytest.mark.parametrize("state", [TradingState.ACTIVE, TradingState.REDUCING])
def test_unless_trading_is_halted_nothing_is_withdrawn(memory: MemoryFarm, state: TradingState) -> None:
    memory.given(an_order())
    memory.ledger.set_state(state, "fine", "ann", NOON)

    assert withdrawn(memory) == 0
    assert memory.orders.get("ORDER1").state is OrderState.APPROVED


def test_before_the_account_is_open_there_is_nothing_to_withdraw(memory: MemoryFarm) -> None:
    memory.tables.cash = None

    assert withdrawn(memory) == 0


def test_an_entry_that_was_not_sent_expires(memory: MemoryFarm) -> None:
    memory.given(an_order())
    memory.ledger.set_state(TradingState.HALTED, "news", "ann", NOON)

    assert withdrawn(memory) == 1
    assert memory.orders.get("ORDER1").state is OrderState.EXPIRED
    assert memory.tables.trades[1].status is TradeStatus.VOID


def test_an_entry_that_rests_at_the_venue_is_cancelled_there(memory: MemoryFarm) -> None:
    resting(memory)
    memory.ledger.set_state(TradingState.HALTED, "news", "ann", NOON)

    assert withdrawn(memory) == 1
    assert memory.trading.orders["RESTING"].state is OrderState.CANCELLED


@pytest.mark.parametrize("error", [Refused("it has ended", "-2011"), Unavailable("no answer")])
def test_an_entry_that_the_venue_does_not_cancel_stays_for_the_next_time(memory: MemoryFarm, error: Exception) -> None:
    def refuses() -> None:
        raise error

    resting(memory)
    memory.trading.on_cancel = refuses
    memory.ledger.set_state(TradingState.HALTED, "news", "ann", NOON)

    assert withdrawn(memory) == 0
    memory.trading.on_cancel = None
    assert withdrawn(memory) == 1


@pytest.mark.parametrize("state", [OrderState.SUBMITTING, OrderState.UNKNOWN])
def test_an_entry_that_is_unclear_is_left_until_it_shows(memory: MemoryFarm, state: OrderState) -> None:
    memory.given(an_order(state=state, claimed_at=NOON))
    memory.ledger.set_state(TradingState.HALTED, "news", "ann", NOON)

    assert withdrawn(memory) == 0


def test_an_exit_is_never_withdrawn(memory: MemoryFarm) -> None:
    memory.given(an_order(side=Side.SELL, leg=Leg.STOP_LOSS, reserved=Decimal(0)))
    memory.ledger.set_state(TradingState.HALTED, "news", "ann", NOON)

    assert withdrawn(memory) == 0
    assert memory.orders.get("ORDER1").state is OrderState.APPROVED
