"""What every store of our books does."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.balances import Balances, Move
from app.domain.looks import OVERLAP, Cursor, Look, Traded
from app.domain.orders import OrderState
from app.domain.reconciliation import Difference, KnownOrder, VenueFill, VenueOrder
from app.steps.ports import Missing
from tests.contracts.stores import LATER, LEASE, StoreUnderTest, sale
from tests.fixtures.memory.builders import BTC, NOON, a_fill

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
SOMETHING = Difference("balance", "USDT", "5 at the venue, 4 here", 2)
GAP = Difference("gap", BTC, "a month is missing")
DONE = Cursor(BTC, Look.FILLS, LATER, since_start=True)
STOPPED = Cursor(BTC, Look.WHOLE, None, begun_at=LATER, back_to=NOON)
HELD = Balances(NOON, LATER, {"USDT": Decimal("9999.5"), "BTC": Decimal("0.1")})


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

        assert (books.cash, dict(books.coins), dict(books.traded)) == (Decimal(10_000), {}, {})
        assert (list(books.live), list(books.moves), dict(books.cursors), books.balances) == ([], [], {}, None)
        assert (books.reconciled_at, books.differences) == (NOON, ())
        assert store.ledger.account({}, NOON).reconciled_at == NOON

    def test_the_books_show_coins_and_what_was_traded(self, store: StoreUnderTest) -> None:
        store.opened().holding()

        books = store.books.read(LATER)

        assert (dict(books.coins), list(books.live)) == ({"BTC": Decimal(1)}, [])
        assert books.traded == {BTC: Traded(NOON, LATER, is_held=True, is_live=False)}

    def test_what_the_venue_shows_is_found_by_either_name_and_strangers_are_not(self, store: StoreUnderTest) -> None:
        order = store.opened().holding()
        name = order.client_order_id
        known = KnownOrder(name, "venue-1", BTC, OrderState.FILLED, Decimal(1), NOON)
        ours, strange = a_fill("fill-of-signal-1"), a_fill("by-hand", exchange_order_id="venue-9")

        by_name = store.books.matching([VenueOrder(BTC, "venue-1", name, OrderState.FILLED, Decimal(1))], [])
        by_number = store.books.matching([], [VenueFill("", ours), VenueFill("", strange)])

        assert (list(by_name.orders), by_name.executions) == ([known], frozenset())
        assert (list(by_number.orders), by_number.executions) == ([known], frozenset({(BTC, "fill-of-signal-1")}))
        assert by_number.named(BTC, "venue-1", "") == by_number.named(BTC, "", name) == known
        assert by_number.named(BTC, "venue-9", "") is by_number.named("ETH/USDT", "venue-1", name) is None
        assert not store.books.matching([], []).orders

    def test_more_names_than_go_into_one_question_are_found(self, store: StoreUnderTest) -> None:
        name = store.opened().holding().client_order_id
        fills = [a_fill(f"strange-{number}", exchange_order_id=f"venue-9{number}") for number in range(1200)]

        found = store.books.matching(
            [], [VenueFill(name, a_fill("fill-of-signal-1")), *(VenueFill("", f) for f in fills)]
        )

        assert ([one.client_order_id for one in found.orders], len(found.executions)) == ([name], 1)

    def test_coins_that_were_sold_are_gone_and_what_was_not_traded_for_a_month_is_left_out(
        self, store: StoreUnderTest
    ) -> None:
        trade_id = store.opened().holding().trade_id
        store.settled(store.sent(store.exit(trade_id)), OrderState.FILLED, sale())

        assert store.books.read(NOON + WEEK).traded == {BTC: Traded(NOON, LATER)}
        books = store.books.read(NOON + 31 * DAY)

        assert (dict(books.coins), dict(books.traded)) == ({}, {})

    def test_dust_of_a_closed_trade_is_among_the_coins_and_nothing_that_is_held(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        rest = sale(amount=Decimal("0.9995"))
        store.settled(store.sent(store.exit(trade_id)), OrderState.FILLED, rest)

        books = store.books.read(NOON + DAY)

        assert dict(books.coins) == {"BTC": Decimal("0.0005")}
        assert books.traded == {BTC: Traded(NOON, LATER)}
        assert dict(store.books.read(NOON + 31 * DAY).traded) == {}

    def test_a_trade_that_is_older_than_a_month_is_still_held(self, store: StoreUnderTest) -> None:
        store.opened().holding()

        assert store.books.read(NOON + 60 * DAY).traded == {BTC: Traded(NOON, NOON, is_held=True)}

    def test_what_was_ordered_just_before_a_long_rest_is_still_known(self, store: StoreUnderTest) -> None:
        store.orders.expire(store.opened().entry(), "too late", LATER)
        store.books.keep([], None, cursors=[DONE])

        assert store.books.read(NOON + 60 * DAY).traded == {BTC: Traded(NOON, LATER)}

    def test_a_live_order_is_in_the_books_however_old_it_is(self, store: StoreUnderTest) -> None:
        order = store.opened().entry()
        store.orders.claim(order.client_order_id, at=LATER, lease=LEASE)

        books = store.books.read(NOON + 60 * DAY)

        assert [(one.client_order_id, one.claimed_at, one.is_sent) for one in books.live] == [
            (order.client_order_id, LATER, True)
        ]
        assert (books.live_since(BTC), books.live_since("ETH/USDT")) == (LATER, None)
        assert books.traded[BTC].is_live

    def test_moves_are_those_of_the_fills_since_a_time(self, store: StoreUnderTest) -> None:
        store.opened().holding()

        [moved] = store.books.read(LATER, moves_since=NOON).moves

        assert moved == Move(NOON, {"BTC": Decimal(1), "USDT": Decimal("-100.05")})
        assert list(store.books.read(LATER, moves_since=LATER).moves) == []
        assert list(store.books.read(LATER).moves) == []

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

    def test_how_far_each_look_came_is_kept_and_a_start_forgets_only_that_it_was_since_the_start(
        self, store: StoreUnderTest
    ) -> None:
        store.opened().books.keep([], LATER, cursors=[DONE, STOPPED])
        later = DONE.finished(LATER + OVERLAP)
        store.books.keep([], None, cursors=[later])

        assert store.books.read(NOON).cursors == {(BTC, Look.FILLS): later, (BTC, Look.WHOLE): STOPPED}

        store.books.forget()
        assert store.books.read(NOON).cursors[BTC, Look.FILLS] == replace(later, since_start=False)

    def test_balances_wait_until_they_are_compared_or_adopted(self, store: StoreUnderTest) -> None:
        store.opened().books.keep([], None, balances=HELD)
        assert store.books.read(NOON).balances == HELD

        store.books.keep([], None)
        assert store.books.read(NOON).balances is None

        store.books.keep([], None, balances=HELD)
        store.books.adopt(Decimal(9_000), "a withdrawal", "me", LATER)
        assert store.books.read(NOON).balances is None

    def test_a_gap_stays_until_a_person_accepts_it(self, store: StoreUnderTest) -> None:
        store.opened().books.keep([SOMETHING, GAP], None)

        assert store.books.accept_gaps("looked at the export", "me", LATER) == [BTC]
        assert store.books.read(NOON).differences == (SOMETHING,)
        assert store.books.accept_gaps("again", "me", LATER) == []

    def test_an_adopted_balance_is_no_profit(self, store: StoreUnderTest) -> None:
        assert store.opened().books.adopt(Decimal(9_000), "a withdrawal", "me", LATER) == 10_000

        account = store.ledger.account({}, LATER)
        assert (account.cash, account.day_open, account.day_high) == (Decimal(9_000),) * 3

    def test_no_balance_is_adopted_while_an_order_is_live(self, store: StoreUnderTest) -> None:
        store.opened().entry()

        assert store.books.adopt(Decimal(9_000), "a withdrawal", "me", LATER) is None
        assert store.ledger.account({}, LATER).cash == 10_000
