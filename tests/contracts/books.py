"""What every store of our books does."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.orders import OrderState
from app.domain.reconciliation import Difference, KnownOrder
from app.steps.ports import Missing
from tests.contracts.stores import LATER, StoreUnderTest, sale
from tests.fixtures.memory.builders import NOON

WEEK = timedelta(days=7)
SOMETHING = Difference("balance", "USDT", "5 at the venue, 4 here", 2)


class BooksContract:
    """Subclasses give the fixture `store`."""

    def test_before_the_account_is_opened_there_are_no_books(self, store: StoreUnderTest) -> None:
        with pytest.raises(Missing):
            store.books.read(NOON)
        with pytest.raises(Missing):
            store.books.adopt(Decimal(1), "why", "me", NOON)
        store.books.forget()

    def test_an_account_that_was_just_opened_is_reconciled(self, store: StoreUnderTest) -> None:
        books = store.opened().books.read(NOON)

        assert (books.cash, dict(books.coins), list(books.orders)) == (Decimal(10_000), {}, [])
        assert not books.executions
        assert (books.reconciled_at, books.first_order_at, books.differences) == (NOON, None, ())
        assert store.ledger.account({}, NOON).reconciled_at == NOON

    def test_the_books_show_orders_executions_and_coins(self, store: StoreUnderTest) -> None:
        order = store.opened().holding()

        books = store.books.read(NOON)

        known = KnownOrder(order.client_order_id, "venue-1", "BTC/USDT", OrderState.FILLED, Decimal(1), True)
        assert list(books.orders) == [known]
        assert books.executions == {("BTC/USDT", "fill-of-signal-1")}
        assert (dict(books.coins), set(books.held)) == ({"BTC": Decimal(1)}, {"BTC/USDT"})
        assert books.first_order_at == NOON
        assert books.is_quiet

    def test_coins_that_were_sold_are_gone_and_old_orders_are_left_out(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.settled(store.sent(store.exit(trade_id)), OrderState.FILLED, sale())

        books = store.books.read(NOON + WEEK)

        assert (books.coins, books.orders, books.symbols) == ({}, [], [])

    def test_a_live_order_is_in_the_books_however_old_it_is(self, store: StoreUnderTest) -> None:
        order = store.opened().entry()

        books = store.books.read(NOON + WEEK)

        assert [(one.client_order_id, one.is_sent) for one in books.orders] == [(order.client_order_id, False)]
        assert not books.is_quiet

    def test_what_was_found_is_kept_and_forgetting_forgets_only_the_time(self, store: StoreUnderTest) -> None:
        store.opened().books.keep([SOMETHING], LATER)
        assert store.books.read(NOON).reconciled_at == LATER

        store.books.keep([SOMETHING], None)
        store.books.keep([SOMETHING], NOON)
        assert store.books.read(NOON).reconciled_at == LATER

        store.books.forget()
        assert store.books.read(NOON).reconciled_at is None
        assert store.books.read(NOON).differences == (SOMETHING,)
        assert store.ledger.account({}, NOON).reconciled_at is None

    def test_an_adopted_balance_is_no_profit(self, store: StoreUnderTest) -> None:
        assert store.opened().books.adopt(Decimal(9_000), "a withdrawal", "me", LATER) == 10_000

        account = store.ledger.account({}, LATER)
        assert (account.cash, account.day_open, account.day_high) == (Decimal(9_000),) * 3

    def test_no_balance_is_adopted_while_an_order_is_live(self, store: StoreUnderTest) -> None:
        store.opened().entry()

        assert store.books.adopt(Decimal(9_000), "a withdrawal", "me", LATER) is None
        assert store.ledger.account({}, LATER).cash == 10_000
