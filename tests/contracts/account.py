"""What every venue's books do, whichever venue it is."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from app.domain.orders import TERMINAL, Leg, OrderState, OrderType, Side
from app.domain.reconciliation import VenueOrder
from app.steps.ports import VenueAccount
from tests.contracts.trading import VenueUnderTest
from tests.fixtures.memory.builders import BTC

HOUR = timedelta(hours=1)


@dataclass
class AccountUnderTest:
    """A venue's books, and a desk to write into them."""

    account: VenueAccount
    desk: VenueUnderTest


class AccountContract:
    """Subclasses give the fixture `venue_account`."""

    def test_an_order_that_rests_is_listed_as_open_until_it_is_cancelled(self, venue_account: AccountUnderTest) -> None:
        desk, account = venue_account.desk, venue_account.account
        order = desk.placed(type=OrderType.LIMIT, price=Decimal(50))
        number = desk.report(order, OrderState.OPEN).exchange_order_id

        assert account.open_orders([BTC]) == [
            VenueOrder(BTC, number, order.client_order_id, OrderState.OPEN, Decimal(0))
        ]

        desk.trading.cancel(order)
        desk.report(order, *TERMINAL)
        assert account.open_orders([BTC]) == []

    def test_without_symbols_nothing_is_asked_for(self, venue_account: AccountUnderTest) -> None:
        assert venue_account.account.open_orders([]) == []

    def test_past_orders_are_listed_with_their_names_and_ends(self, venue_account: AccountUnderTest) -> None:
        desk = venue_account.desk
        filled, ended = desk.placed(price=Decimal(110)), desk.placed(price=Decimal(50))
        desk.report(filled, OrderState.FILLED)
        desk.report(ended, OrderState.CANCELLED)

        shown = {one.client_order_id: one for one in venue_account.account.orders(BTC, desk.now() - HOUR)}

        assert set(shown) == {filled.client_order_id, ended.client_order_id}
        assert shown[filled.client_order_id].state is OrderState.FILLED
        assert shown[filled.client_order_id].filled == filled.amount
        assert shown[ended.client_order_id].state is OrderState.CANCELLED

    def test_fills_are_those_that_a_look_at_the_order_shows(self, venue_account: AccountUnderTest) -> None:
        desk = venue_account.desk
        order = desk.placed(price=Decimal(110))
        report = desk.report(order, OrderState.FILLED)

        told = venue_account.account.fills(BTC, desk.now() - HOUR)

        assert told.back_to is None
        assert [one.fill for one in told.fills] == list(report.fills)
        assert {one.client_order_id for one in told.fills} == {order.client_order_id}

    def test_balances_are_what_is_free_and_locked_by_currency(self, venue_account: AccountUnderTest) -> None:
        desk = venue_account.desk
        desk.report(desk.placed(price=Decimal(110)), OrderState.FILLED)

        balances = venue_account.account.balances()

        assert balances.amounts["BTC"] == desk.trading.balance("BTC") == Decimal("0.5")
        assert balances.amounts["USDT"] == desk.trading.balance("USDT")
        assert desk.now() - HOUR < balances.since <= balances.until < desk.now() + HOUR

    def test_free_is_what_no_order_has_locked(self, venue_account: AccountUnderTest) -> None:
        desk = venue_account.desk
        bought = desk.report(desk.placed(price=Decimal(110)), OrderState.FILLED).filled

        assert venue_account.account.free("BTC") == bought
        desk.placed(side=Side.SELL, leg=Leg.STOP_LOSS, type=OrderType.LIMIT, price=Decimal(150), amount=bought / 2)
        assert venue_account.account.free("BTC") == bought / 2
        assert venue_account.account.balances().amounts["BTC"] == bought
        assert venue_account.account.free("NIX") == 0
