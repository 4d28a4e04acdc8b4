"""F32: the breaker fires when it must, keeps its word through restarts, and fires at no price that is none."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
import redis
from sqlalchemy import select

from app import risk, wiring
from app.bus import Keys, Prices
from app.domain.market import microseconds
from app.domain.orders import OrderState
from app.domain.risk import TradingState
from app.domain.sizing import Sizing
from models import AuditRow, RiskEventRow
from tasks import ticks
from tests.faults.laboratory import BTC, ETH, Laboratory

S = OrderState
Make = Callable[..., Laboratory]
LARGE = Decimal(5000)
NO_PRICES = ("nan|1|1", "0.0|1|1", "-100.0|1|1", "inf|1|1", "1e400|1|1", "|1|1", "100.0|now|1", "nothing")


def invested(lab: Laboratory) -> int:
    """A quarter of the account in BTC at 100, with every rule asked; the trade's number."""
    lab.sizing = Sizing(share=Decimal("0.25"), max_notional=LARGE)
    lab.rules = risk.rules({"position_size": {"max_notional": LARGE}})
    return lab.holding().trade_id


def fallen(lab: Laboratory, price: int) -> TradingState:
    """The state after BTC was heard at a price and the account was valued."""
    lab.tick(price)
    return lab.marked().state


def objections(lab: Laboratory) -> set[str]:
    """The rules that have objected to anything."""
    with lab.database.reading() as session:
        return set(session.scalars(select(RiskEventRow.risk_check).where(RiskEventRow.reason.is_not(None))))


def trips(lab: Laboratory) -> int:
    with lab.database.reading() as session:
        return len(session.scalars(select(AuditRow.id).where(AuditRow.event_type == "trading_state")).all())


def test_F32_once_the_breaker_has_tripped_no_entry_goes_on_and_exits_do(laboratory_on_each: Make) -> None:
    lab = laboratory_on_each()
    trade = invested(lab)
    waiting = lab.entry(ETH)  # approved, but not sent

    assert fallen(lab, 50) is TradingState.HALTED
    lab.tick(100)  # the market comes back, the state does not

    assert lab.marked().state is TradingState.HALTED
    assert lab.place(waiting).state is S.EXPIRED
    assert lab.approve(ETH) is None
    assert objections(lab) == {"trading_state"}
    assert lab.accepted == 1
    way_out = lab.exit(trade)
    assert way_out is not None
    lab.place(way_out)
    assert lab.settle(way_out).state is S.FILLED


@pytest.mark.parametrize(
    ("price", "state", "next_day"),
    [(50, TradingState.HALTED, TradingState.HALTED), (75, TradingState.REDUCING, TradingState.ACTIVE)],
    ids=["loss", "drawdown"],
)
def test_F32_no_restart_forgets_that_the_breaker_has_tripped(
    laboratory_on_each: Make, price: int, state: TradingState, next_day: TradingState
) -> None:
    lab = laboratory_on_each()
    invested(lab)
    assert fallen(lab, price) is state

    lab.restart()
    lab.tick(100)

    assert lab.marked().state is state
    assert lab.approve(ETH) is None
    assert "trading_state" in objections(lab)
    lab.clock.go_on(timedelta(days=1))
    lab.restart()
    lab.tick(100)
    assert lab.marked().state is next_day
    assert trips(lab) == 1 + (next_day is TradingState.ACTIVE)


def test_F32_a_price_that_is_none_does_not_trip_the_breaker_and_one_that_is_does(
    laboratory_on_each: Make, redis_client: "redis.Redis", keys: Keys
) -> None:
    lab = laboratory_on_each()
    invested(lab)
    prices = Prices(redis_client, keys)
    known = lab.marked(prices)

    for text in NO_PRICES:
        redis_client.hset(keys.prices, BTC, text)
        assert lab.marked(prices) == known

    redis_client.hset(keys.prices, BTC, f"50.0|{microseconds(lab.now())}|1")
    assert lab.marked(prices).state is TradingState.HALTED


def test_F32_a_print_that_is_none_is_no_price(wired: None) -> None:
    at_us = microseconds(wiring.now())
    shard = wiring.mailboxes().shard(BTC)
    prints = [[BTC, at_us + number, price, 1.0, "buy", at_us] for number, price in enumerate((0.0, -1.0, 1e400, None))]

    wiring.mailboxes().push({shard: [["=", BTC, at_us - 1], [BTC, at_us - 1, 100.0, 1.0, "buy", at_us], *prints]})
    ticks.drain(shard)

    assert wiring.prices().last([BTC]) == {BTC: (100.0, at_us - 1)}
