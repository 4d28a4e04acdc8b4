"""What an open trade comes to at the last price, and how fast a total rises."""

from dataclasses import replace
from decimal import Decimal

from app.domain.portfolio import Trade, TradeStatus
from app.web.observer import Rates, open_trade
from tests.fixtures.memory.builders import BTC, NOON

TRADE = Trade(
    7,
    BTC,
    "momentum",
    TradeStatus.OPEN,
    NOON,
    size=Decimal(2),
    left=Decimal(2),
    entry_price=Decimal(100),
    bought=Decimal(200),
    bought_amount=Decimal(2),
    fees=Decimal("0.1"),
    stop_price=Decimal(98),
    take_price=Decimal(104),
    peak=Decimal(110),
)


def test_profit_is_that_of_leaving_now_after_fees() -> None:
    seen = open_trade(TRADE, {BTC: Decimal(103)}, {})

    assert (seen.value, seen.unrealised) == (Decimal(206), Decimal("5.9"))
    assert seen.unrealised_share == Decimal("5.9") / 200


def test_distances_are_shares_of_the_price() -> None:
    seen = open_trade(TRADE, {BTC: Decimal(100)}, {7: NOON})

    assert (seen.stop_distance, seen.take_distance) == (Decimal("0.02"), Decimal("0.04"))
    assert seen.unprotected_since == NOON


def test_the_nearer_of_two_stops_is_told() -> None:
    trailing = replace(TRADE, trail=Decimal("0.05"))

    assert open_trade(trailing, {}, {}).stop_price == Decimal("104.50")
    assert open_trade(replace(trailing, peak=Decimal(100)), {}, {}).stop_price == Decimal(98)
    assert open_trade(replace(TRADE, stop_price=None), {}, {}).stop_price is None


def test_without_a_price_nothing_is_claimed() -> None:
    seen = open_trade(TRADE, {}, {})

    assert (seen.price, seen.value, seen.unrealised, seen.unrealised_share, seen.stop_distance) == (None,) * 5


def test_a_rate_needs_two_looks_and_begins_anew_when_the_total_falls() -> None:
    times = iter([0.0, 2.0, 3.0, 4.0])
    rates = Rates(lambda: next(times))

    assert [rates("ticks", total) for total in (100, 300, 10, 20)] == [None, 100.0, None, 10.0]
