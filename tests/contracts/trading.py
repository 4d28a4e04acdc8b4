"""What every venue's private side does, whichever it is: run over the one in memory and over MEXC's protocol."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from time import monotonic, sleep
from typing import Any

import pytest

from app.domain.errors import Refused, Unknown
from app.domain.orders import TERMINAL, Order, OrderState, OrderType, Report, Side, Stamp, intent_key
from app.steps.ports import Trading
from tests.fixtures.memory.builders import an_order

NUMBERS = count()


@dataclass
class VenueUnderTest:
    """A venue whose last price of BTC/USDT is 100, with USDT to spend and no BTC."""

    trading: Trading
    now: Callable[[], datetime]

    def order(self, **changes: Any) -> Order:
        """An order of its own name, claimed now."""
        at = self.now()
        name = intent_key("contract", next(NUMBERS), at)
        return replace(an_order(name), **{"amount": Decimal("0.5"), "claimed_at": at, "created_at": at, **changes})

    def placed(self, **changes: Any) -> Order:
        """An order that the venue has taken."""
        order = self.order(**changes)
        self.trading.await_turn(order)
        self.trading.submit(order, signed_at=self.stamp().signed_at)
        return order

    def stamp(self) -> Stamp:
        """That of a claim of now."""
        return self.trading.stamp(self.now())

    def report(self, order: Order, *states: OrderState) -> Report:
        """What the venue says once the order is in one of these states; a venue may take a moment."""
        deadline = monotonic() + 5
        while monotonic() < deadline:
            report = self.trading.look_up(order)
            if report is not None and report.state in states:
                return report
            sleep(0.02)
        raise AssertionError(f"still {report} after five seconds")


class TradingContract:
    """Subclasses give the fixture `desk`."""

    def test_a_buy_above_the_market_fills_and_its_fills_add_up(self, desk: VenueUnderTest) -> None:
        order = desk.placed(price=Decimal(110))

        report = desk.report(order, *TERMINAL)

        assert report.state is OrderState.FILLED
        assert report.filled == sum(fill.amount for fill in report.fills) == order.amount
        assert all(fill.price <= order.price and fill.commission >= 0 for fill in report.fills)
        assert {(fill.symbol, fill.side) for fill in report.fills} == {(order.symbol, Side.BUY)}
        assert len({fill.venue_trade_id for fill in report.fills}) == len(report.fills)

    def test_what_is_bought_can_be_sold(self, desk: VenueUnderTest) -> None:
        desk.report(desk.placed(price=Decimal(110)), OrderState.FILLED)

        sold = desk.report(desk.placed(side=Side.SELL, price=Decimal(90), amount=Decimal("0.4")), OrderState.FILLED)

        assert sold.filled == Decimal("0.4")
        assert {fill.side for fill in sold.fills} == {Side.SELL}

    @pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
    def test_a_market_order_fills_at_the_market(self, desk: VenueUnderTest, side: Side) -> None:
        desk.report(desk.placed(price=Decimal(110)), OrderState.FILLED)

        report = desk.report(desk.placed(type=OrderType.MARKET, side=side, amount=Decimal("0.2")), *TERMINAL)

        assert Decimal("0.15") < report.filled <= Decimal("0.2")

    def test_an_ioc_order_below_the_market_ends_unfilled(self, desk: VenueUnderTest) -> None:
        report = desk.report(desk.placed(price=Decimal(50)), *TERMINAL)

        assert (report.state, report.filled, report.fills) == (OrderState.CANCELLED, Decimal(0), ())

    def test_a_limit_order_below_the_market_rests_until_it_is_cancelled(self, desk: VenueUnderTest) -> None:
        order = desk.placed(type=OrderType.LIMIT, price=Decimal(50))
        desk.report(order, OrderState.OPEN)

        desk.trading.cancel(order)

        assert desk.report(order, *TERMINAL).state is OrderState.CANCELLED

    def test_f5_a_cancel_changes_nothing_about_what_was_filled(self, desk: VenueUnderTest) -> None:
        order = desk.placed(price=Decimal(110))
        desk.report(order, OrderState.FILLED)

        desk.trading.cancel(order)

        assert desk.report(order, *TERMINAL).state is OrderState.FILLED

    def test_an_order_that_was_never_sent_is_not_there(self, desk: VenueUnderTest) -> None:
        assert desk.trading.look_up(desk.order()) is None

    def test_an_order_has_the_id_that_it_was_taken_under(self, desk: VenueUnderTest) -> None:
        order = desk.order(price=Decimal(110))

        taken = desk.trading.submit(order, signed_at=desk.now())

        assert desk.report(order, *TERMINAL).exchange_order_id == taken

    def test_an_order_that_waits_for_its_turn_is_not_sent(self, desk: VenueUnderTest) -> None:
        order = desk.order(price=Decimal(110))

        desk.trading.await_turn(order)

        assert desk.trading.look_up(order) is None

    def test_a_no_for_a_name_that_is_taken_is_no_clear_no(self, desk: VenueUnderTest) -> None:
        order = desk.placed(price=Decimal(110))

        with pytest.raises(Unknown):
            desk.trading.submit(order, signed_at=desk.stamp().signed_at)

        assert desk.report(order, *TERMINAL).state is OrderState.FILLED

    def test_a_stamp_is_as_old_as_its_claim(self, desk: VenueUnderTest) -> None:
        desk.trading.await_turn(desk.order())
        claimed_at = desk.now()

        first, second = (desk.trading.stamp(claimed_at + timedelta(seconds=late)) for late in (0, 3))

        assert second.signed_at - first.signed_at == timedelta(seconds=3)
        assert first.acceptable_until > first.signed_at

    def test_a_search_finds_what_is_there(self, desk: VenueUnderTest) -> None:
        order = desk.placed(price=Decimal(110))
        report = desk.report(order, *TERMINAL)

        search = desk.trading.search(order)

        assert search.report == report
        assert search.in_reach

    def test_a_search_says_by_the_venues_clock_since_when_nothing_is_there(self, desk: VenueUnderTest) -> None:
        desk.trading.await_turn(desk.order())
        before = desk.stamp().signed_at

        search = desk.trading.search(desk.order())

        assert (search.report, search.in_reach) == (None, True)
        assert abs(search.began_at - before) < timedelta(seconds=5)

    def test_an_order_beyond_the_balance_is_refused(self, desk: VenueUnderTest) -> None:
        order = desk.order(price=Decimal(110), amount=Decimal(1_000_000))

        with pytest.raises(Refused):
            desk.trading.submit(order, signed_at=desk.now())

        assert desk.trading.look_up(order) is None

    def test_a_fill_moves_both_balances(self, desk: VenueUnderTest) -> None:
        coins, money = desk.trading.balance("BTC"), desk.trading.balance("USDT")

        [fill] = desk.report(desk.placed(price=Decimal(110)), OrderState.FILLED).fills

        assert desk.trading.balance("BTC") == coins + fill.amount
        assert desk.trading.balance("USDT") == money - fill.amount * fill.price - fill.commission

    def test_a_currency_without_a_balance_has_none(self, desk: VenueUnderTest) -> None:
        assert desk.trading.balance("XMR") == 0
