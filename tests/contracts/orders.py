"""What every store of orders does: transitions that happen once, and fills that are booked once."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.exc import IntegrityError

from app.domain.orders import IllegalTransition, Order, OrderState
from app.domain.protection import Protection
from app.domain.risk import TradingState
from app.steps.ports import Missing
from tests.contracts.stores import LATER, LEASE, StoreUnderTest, sale
from tests.fixtures.memory.builders import NOON, a_fill

HALF = Decimal("0.5")


def sold(store: StoreUnderTest, trade_id: int, key: str, amount: str, state: OrderState = OrderState.FILLED) -> Order:
    """An exit of a trade that ended with so much sold at 100."""
    order = store.sent(store.exit(trade_id, key, amount=Decimal(amount)))
    return store.settled(order, state, sale(f"of-{key}", amount=Decimal(amount)))


class OrdersContract:
    """Subclasses give the fixture `store`."""

    def test_an_unknown_order_is_missing(self, store: StoreUnderTest) -> None:
        with pytest.raises(Missing):
            store.orders.get("nobody")
        with pytest.raises(Missing):
            store.orders.claim("nobody", at=NOON, lease=LEASE)

    def test_an_order_is_read_as_it_was_approved(self, store: StoreUnderTest) -> None:
        order = store.opened().entry(amount=Decimal("0.000000000000000001"), price=Decimal("12345678901.123456789"))

        assert store.orders.get(order.client_order_id) == order

    def test_a_claim_is_won_once(self, store: StoreUnderTest) -> None:
        order = store.opened().entry()

        won = store.orders.claim(order.client_order_id, at=LATER, lease=LEASE)
        assert won is not None
        assert (won.state, won.attempts) == (OrderState.SUBMITTING, 1)
        assert (won.claimed_at, won.lease_until, won.acceptable_until) == (LATER, LATER + LEASE, None)
        assert store.orders.get(order.client_order_id) == won
        assert store.orders.claim(order.client_order_id, at=LATER, lease=LEASE) is None

    def test_each_claim_keeps_until_when_the_venue_may_take_what_it_sends(self, store: StoreUnderTest) -> None:
        order = store.opened().entry()

        def claimed(until: datetime) -> Order | None:
            return store.orders.claim(order.client_order_id, at=LATER, lease=LEASE, acceptable_until=until)

        first = claimed(LATER + LEASE)
        assert first is not None
        assert first.acceptable_until == LATER + LEASE
        store.orders.release(first, "not sent", LATER)
        second = claimed(LATER + 2 * LEASE)
        assert second is not None
        assert store.orders.get(order.client_order_id).acceptable_until == LATER + 2 * LEASE

    @pytest.mark.parametrize("state", [TradingState.REDUCING, TradingState.HALTED])
    def test_an_entry_that_was_approved_before_a_halt_expires_when_it_is_claimed(
        self, store: StoreUnderTest, state: TradingState
    ) -> None:
        order = store.opened().entry()
        store.ledger.set_state(state, "news", "ann", LATER)

        assert store.orders.claim(order.client_order_id, at=LATER, lease=LEASE) is None

        expired = store.orders.get(order.client_order_id)
        assert (expired.state, expired.attempts) == (OrderState.EXPIRED, 0)
        assert expired.reason == f"trading is {state} since it was approved: news"
        account = store.ledger.account({}, LATER)
        assert (account.reserved, len(account.busy)) == (Decimal(0), 0)

    def test_an_exit_is_claimed_in_every_trading_state(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        order = store.exit(trade_id)
        store.ledger.set_state(TradingState.HALTED, "news", "ann", LATER)

        assert store.sent(order).state is OrderState.SUBMITTING

    def test_live_entries_are_those_that_may_still_buy(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding("done").trade_id
        store.exit(trade_id)
        waiting = store.entry("waiting", symbol="ETH/USDT")
        sent = store.sent(store.entry("sent", symbol="SOL/USDT"))

        assert store.orders.live_entries() == [waiting, sent]

    def test_what_was_released_may_be_claimed_again(self, store: StoreUnderTest) -> None:
        claimed = store.sent(store.opened().entry())

        assert store.orders.release(claimed, "not sent", LATER).state is OrderState.APPROVED
        assert store.sent(claimed).attempts == 2

    @pytest.mark.parametrize("state", [TradingState.REDUCING, TradingState.HALTED])
    def test_an_entry_that_was_not_sent_before_the_halt_never_is(
        self, state: TradingState, store: StoreUnderTest
    ) -> None:
        order = store.orders.release(store.sent(store.opened().entry()), "not sent", LATER)
        store.ledger.set_state(state, "loss", "breaker", LATER)

        assert store.orders.claim(order.client_order_id, at=LATER, lease=LEASE) is None

        assert store.orders.get(order.client_order_id).state is OrderState.EXPIRED
        assert store.ledger.account({}, LATER).reserved == 0
        assert not store.ledger.account({}, LATER).busy

    def test_exits_are_sent_after_the_halt(self, store: StoreUnderTest) -> None:
        order = store.exit(store.opened().holding().trade_id)
        store.ledger.set_state(TradingState.HALTED, "loss", "breaker", LATER)

        assert store.sent(order).state is OrderState.SUBMITTING

    def test_an_accepted_order_is_open_under_the_venues_id(self, store: StoreUnderTest) -> None:
        order = store.orders.accept(store.sent(store.opened().entry()), "venue-1", LATER)

        assert (order.state, order.exchange_order_id) == (OrderState.OPEN, "venue-1")
        assert store.orders.get(order.client_order_id) == order

    def test_a_doubted_order_keeps_its_reservation(self, store: StoreUnderTest) -> None:
        order = store.orders.doubt(store.sent(store.opened().entry()), "timed out", LATER)

        assert (order.state, order.reason) == (OrderState.UNKNOWN, "timed out")
        assert store.ledger.account({}, LATER).reserved == 100

    def test_a_rejected_entry_frees_its_reservation_and_its_symbol(self, store: StoreUnderTest) -> None:
        order = store.orders.reject(store.sent(store.opened().entry()), "30004 no money", LATER)

        assert (order.state, order.reason) == (OrderState.REJECTED, "30004 no money")
        account = store.ledger.account({}, LATER)
        assert (account.reserved, len(account.busy)) == (Decimal(0), 0)
        assert store.ledger.held() == []

    def test_an_expired_entry_frees_its_reservation_and_its_symbol(self, store: StoreUnderTest) -> None:
        order = store.orders.expire(store.opened().entry(), "too late", LATER)

        assert order.state is OrderState.EXPIRED
        assert store.ledger.account({}, LATER).busy == frozenset()

    def test_a_rejected_exit_leaves_the_trade_open(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.orders.reject(store.sent(store.exit(trade_id)), "no", LATER)

        assert store.ledger.account({}, LATER).busy == {"BTC/USDT"}

    def test_whoever_comes_too_late_gets_what_is_there_now(self, store: StoreUnderTest) -> None:
        claimed = store.sent(store.opened().entry())
        accepted = store.orders.accept(claimed, "venue-1", LATER)

        for late in (store.orders.doubt, store.orders.reject, store.orders.release):
            assert late(claimed, "late", LATER) == accepted

    def test_a_claim_of_long_ago_says_nothing_of_a_new_one(self, store: StoreUnderTest) -> None:
        first = store.sent(store.opened().entry())
        store.orders.release(first, "not sent", LATER)
        second = store.sent(first)

        assert store.orders.accept(first, "venue-1", LATER) == second

    def test_the_claimant_may_still_say_what_became_of_a_doubted_order(self, store: StoreUnderTest) -> None:
        claimed = store.sent(store.opened().entry())
        store.orders.doubt(claimed, "whoever was sending it fell silent", LATER)

        assert store.orders.accept(claimed, "venue-1", LATER).state is OrderState.OPEN

    def test_the_claimant_may_not_release_a_doubted_order(self, store: StoreUnderTest) -> None:
        claimed = store.sent(store.opened().entry())
        doubted = store.orders.doubt(claimed, "silent", LATER)

        assert store.orders.release(claimed, "not sent", LATER) == doubted

    def test_what_the_venue_has_taken_is_open_though_somebody_has_concluded_that_it_is_absent(
        self, store: StoreUnderTest
    ) -> None:
        claimed = store.sent(store.opened().entry())
        doubted = store.orders.doubt(claimed, "silent", LATER)
        store.orders.release(doubted, "absent", LATER)

        assert store.orders.accept(claimed, "venue-1", LATER).state is OrderState.OPEN
        assert store.orders.claim(claimed.client_order_id, at=LATER, lease=LEASE) is None

    def test_a_refusal_of_a_claim_says_nothing_of_an_order_that_was_released_since(self, store: StoreUnderTest) -> None:
        claimed = store.sent(store.opened().entry())
        released = store.orders.release(store.orders.doubt(claimed, "silent", LATER), "absent", LATER)

        assert store.orders.reject(claimed, "no", LATER) == released

    def test_what_the_venue_shows_is_there_though_it_was_thought_to_be_absent(self, store: StoreUnderTest) -> None:
        claimed = store.sent(store.opened().entry())
        released = store.orders.release(store.orders.doubt(claimed, "silent", LATER), "absent", LATER)

        shown = store.settled(released, OrderState.PARTIALLY_FILLED, a_fill(amount=HALF))

        assert (shown.state, shown.filled) == (OrderState.PARTIALLY_FILLED, HALF)
        assert store.orders.claim(claimed.client_order_id, at=LATER, lease=LEASE) is None

    def test_an_order_that_is_held_for_a_person_stays_unknown_with_its_reservation(self, store: StoreUnderTest) -> None:
        doubted = store.orders.doubt(store.sent(store.opened().entry()), "timed out", LATER)

        said = [store.orders.hold(doubted, "out of reach", LATER + number * LEASE) for number in range(3)]

        held = store.orders.get(doubted.client_order_id)
        assert said == [True, False, False]
        assert (held.state, held.reason) == (OrderState.UNKNOWN, "out of reach")
        assert store.ledger.account({}, LATER).reserved == 100
        assert store.orders.left_behind(LATER + 2 * LEASE, LEASE, 9) == []
        assert store.orders.expire(held, "a person has looked", LATER).state is OrderState.EXPIRED

    def test_only_what_is_unknown_is_held(self, store: StoreUnderTest) -> None:
        order = store.orders.accept(store.sent(store.opened().entry()), "venue-1", LATER)

        assert store.orders.hold(order, "out of reach", LATER) is False
        assert store.orders.get(order.client_order_id) == order

    def test_nonsense_is_refused(self, store: StoreUnderTest) -> None:
        with pytest.raises(IllegalTransition):
            store.orders.accept(store.opened().entry(), "venue-1", LATER)

    def test_an_end_is_final(self, store: StoreUnderTest) -> None:
        ended = store.orders.reject(store.sent(store.opened().entry()), "no", LATER)

        assert store.orders.accept(ended, "venue-1", LATER).state is OrderState.REJECTED
        assert store.orders.claim(ended.client_order_id, at=LATER, lease=LEASE) is None

    def test_a_filled_entry_is_paid_and_protected(self, store: StoreUnderTest) -> None:
        order = store.opened().holding()

        assert (order.state, order.filled, order.exchange_order_id) == (OrderState.FILLED, Decimal(1), "venue-1")
        account = store.ledger.account({}, LATER)
        assert (account.cash, account.exposure, account.reserved) == (Decimal("9899.95"), Decimal(100), Decimal(0))
        assert [(level.stop, level.take) for level in store.trades.levels()] == [(98.0, 104.0)]

    def test_a_fill_that_comes_twice_is_booked_once(self, store: StoreUnderTest) -> None:
        order = store.opened().holding()
        again = store.settled(order, OrderState.FILLED, a_fill("fill-of-signal-1"))

        assert again == order
        assert store.ledger.account({}, LATER).cash == Decimal("9899.95")

    def test_fills_add_up(self, store: StoreUnderTest) -> None:
        order = store.sent(store.opened().entry())
        first, second = a_fill("one", amount=HALF), a_fill("two", amount=HALF, price=Decimal(101))
        part = store.settled(order, OrderState.PARTIALLY_FILLED, first)
        assert (part.state, part.filled) == (OrderState.PARTIALLY_FILLED, HALF)
        whole = store.settled(part, OrderState.FILLED, first, second)

        assert (whole.state, whole.filled) == (OrderState.FILLED, Decimal(1))
        account = store.ledger.account({}, LATER)
        assert account.cash == Decimal("9899.40")
        assert account.exposure == Decimal(101)

    def test_a_report_that_knows_less_changes_nothing(self, store: StoreUnderTest) -> None:
        order = store.opened().holding()
        late = store.settled(order, OrderState.OPEN)

        assert (late.state, late.filled) == (OrderState.FILLED, Decimal(1))

    def test_a_late_fill_of_a_cancelled_order_is_booked(self, store: StoreUnderTest) -> None:
        order = store.settled(store.sent(store.opened().entry()), OrderState.CANCELLED)
        assert store.ledger.account({}, LATER).busy == frozenset()
        late = store.settled(order, OrderState.FILLED, a_fill(amount=HALF))

        assert (late.state, late.filled) == (OrderState.CANCELLED, HALF)
        account = store.ledger.account({}, LATER)
        assert (account.exposure, account.reserved, set(account.busy)) == (Decimal(50), Decimal(0), {"BTC/USDT"})
        assert len(store.trades.levels()) == 1

    def test_an_entry_that_ends_without_a_fill_voids_its_trade(self, store: StoreUnderTest) -> None:
        store.settled(store.sent(store.opened().entry()), OrderState.CANCELLED)

        assert store.ledger.held() == []
        assert store.trades.levels() == []

    def test_an_entry_that_ends_with_a_part_keeps_its_trade(self, store: StoreUnderTest) -> None:
        store.settled(store.sent(store.opened().entry()), OrderState.CANCELLED, a_fill(amount=HALF))

        account = store.ledger.account({}, LATER)
        assert (account.exposure, account.reserved, set(account.busy)) == (Decimal(50), Decimal(0), {"BTC/USDT"})

    def test_a_sale_brings_its_cash_and_closes_the_trade(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.settled(store.sent(store.exit(trade_id)), OrderState.FILLED, sale(price=Decimal(120)))

        account = store.ledger.account({}, LATER)
        assert (account.cash, account.equity, account.exposure) == (
            Decimal("10019.90"),
            Decimal("10019.90"),
            Decimal(0),
        )

    def test_f5_a_late_fill_of_an_exit_is_gone_from_the_trade_whose_coins_the_next_exit_sold(
        self, store: StoreUnderTest
    ) -> None:
        other = store.opened().holding("other").trade_id
        trade = store.holding("trade").trade_id
        first = sold(store, trade, "first", "0.4", OrderState.CANCELLED)
        sold(store, trade, "second", "0.6")
        assert store.books.read(LATER).coins == {"BTC": Decimal(1)}

        for _ in ("once", "and not again"):
            store.settled(first, OrderState.CANCELLED, sale("of-first"), sale("late", amount=Decimal("0.3")))

            assert store.books.read(LATER).coins == {"BTC": Decimal("0.7")}
            assert store.ledger.account({}, LATER).equity == Decimal("9999.75")  # five fees
            assert [level.trade_id for level in store.trades.levels()] == [other]

    def test_f5_a_trade_whose_coins_were_all_sold_by_another_is_closed(self, store: StoreUnderTest) -> None:
        store.opened().holding("other")
        trade = store.holding("trade").trade_id
        first = sold(store, trade, "first", "1")

        store.booked(first.client_order_id, sale("late"))

        assert (store.trades.levels(), store.ledger.held()) == ([], [])
        assert store.ledger.account({}, LATER).cash == Decimal("9999.8")

    def test_f5_what_was_sold_of_a_trade_before_its_own_late_fill_was_told_is_gone_from_it(
        self, store: StoreUnderTest
    ) -> None:
        entry = store.settled(store.sent(store.opened().entry("late")), OrderState.CANCELLED)
        trade = store.holding("trade").trade_id
        first = sold(store, trade, "first", "1")
        store.booked(first.client_order_id, sale("more", amount=Decimal("0.3")))
        assert store.books.read(LATER).coins == {}

        store.settled(entry, OrderState.CANCELLED, a_fill("late", amount=HALF))

        assert store.books.read(LATER).coins == {"BTC": Decimal("0.2")}
        assert [level.trade_id for level in store.trades.levels()] == [entry.trade_id]

    def test_what_was_sold_too_much_before_a_trade_was_approved_is_not_taken_from_it(
        self, store: StoreUnderTest
    ) -> None:
        before = NOON - timedelta(minutes=2)
        trade = store.opened().holding("trade").trade_id
        order = store.sent(store.exit(trade))
        store.settled(order, OrderState.FILLED, sale(amount=Decimal("1.5"), at=before))

        store.holding("new")

        assert store.books.read(LATER).coins == {"BTC": Decimal(1)}

    def test_a_trade_of_another_symbol_lends_nothing(self, store: StoreUnderTest) -> None:
        store.opened().holding("other", symbol="ETH/USDT")
        trade = store.holding("trade").trade_id
        order = store.sent(store.exit(trade))

        store.settled(order, OrderState.FILLED, sale(amount=Decimal("1.5")))

        assert store.books.read(LATER).coins == {"ETH": Decimal(1)}

    def test_a_fee_in_base_currency_is_less_to_hold(self, store: StoreUnderTest) -> None:
        order = store.sent(store.opened().entry())
        store.settled(
            order, OrderState.FILLED, a_fill(commission=Decimal("0.0005"), commission_asset="BTC"), protection=NONE
        )

        account = store.ledger.account({}, LATER)
        assert (account.cash, account.exposure) == (Decimal(9_900), Decimal("99.95"))
        assert [(level.stop, level.take) for level in store.trades.levels()] == [(None, None)]

    def test_a_trade_has_one_live_exit_at_most(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.exit(trade_id, "one")

        with pytest.raises((ValueError, IntegrityError)):
            store.exit(trade_id, "two")

    def test_after_an_exit_has_ended_there_may_be_another(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.orders.reject(store.sent(store.exit(trade_id, "one")), "no", LATER)

        assert store.exit(trade_id, "two").trade_id == trade_id

    def test_left_behind_is_what_nobody_has_touched_oldest_first(self, store: StoreUnderTest) -> None:
        store.opened().entry("one", symbol="ETH/USDT")
        doubted = store.sent(store.entry("two"))
        store.orders.doubt(doubted, "silent", LATER)
        patience = timedelta(seconds=5)

        def behind(seconds: float, limit: int = 9) -> list[str]:
            found = store.orders.left_behind(NOON + timedelta(seconds=seconds), patience, limit)
            return [order.client_order_id for order in found]

        assert behind(5) == []
        assert behind(5.5) == ["O-one"]
        assert behind(7) == ["O-one", "O-two"]
        assert behind(7, limit=1) == ["O-one"]

    def test_left_behind_is_what_was_claimed_and_never_heard_of_again(self, store: StoreUnderTest) -> None:
        claimed = store.sent(store.opened().entry())

        assert store.orders.left_behind(NOON + LEASE - timedelta(seconds=1), timedelta(hours=1), 9) == []
        assert store.orders.left_behind(NOON + LEASE, timedelta(hours=1), 9) == [claimed]

    def test_each_new_answer_about_an_unknown_order_is_kept_once(self, store: StoreUnderTest) -> None:
        order = store.orders.doubt(store.sent(store.opened().entry()), "silent", NOON)
        store.audits.seal(100, NOON)

        for answer in ("NotVisible", "NotVisible", "Unavailable", "Unavailable", "NotVisible"):
            store.orders.hear(order, answer, "what it said", LATER)

        assert store.audits.seal(100, LATER) == 3
        assert store.orders.get(order.client_order_id) == order

    def test_an_answer_to_the_next_attempt_is_a_new_one_and_to_the_last_one_none(self, store: StoreUnderTest) -> None:
        first = store.orders.doubt(store.sent(store.opened().entry()), "silent", NOON)
        store.orders.hear(first, "NotVisible", "", NOON)
        second = store.orders.doubt(store.sent(store.orders.release(first, "absent", NOON)), "silent", NOON)
        store.audits.seal(100, NOON)

        store.orders.hear(second, "NotVisible", "", LATER)
        store.orders.hear(first, "Unavailable", "", LATER)

        assert store.audits.seal(100, LATER) == 1

    def test_answers_about_an_order_that_is_clear_are_not_kept(self, store: StoreUnderTest) -> None:
        order = store.sent(store.opened().entry())
        store.audits.seal(100, NOON)

        store.orders.hear(order, "NotVisible", "", LATER)

        assert store.audits.seal(100, LATER) == 0

    def test_a_new_answer_touches_an_order_and_the_same_again_does_not(self, store: StoreUnderTest) -> None:
        order = store.orders.doubt(store.sent(store.opened().entry()), "silent", NOON)
        second = timedelta(seconds=1)
        for late in (1, 2, 3):
            store.orders.hear(order, "NotVisible", "", NOON + late * second)

        assert store.orders.left_behind(NOON + 6 * second, 5 * second, 9) == []
        assert store.orders.left_behind(NOON + 6.5 * second, 5 * second, 9) == [order]

    def test_what_has_ended_is_never_left_behind(self, store: StoreUnderTest) -> None:
        store.opened().holding()

        assert store.orders.left_behind(NOON + timedelta(days=9), timedelta(seconds=1), 9) == []

    def test_asking_for_it_touches_an_order(self, store: StoreUnderTest) -> None:
        order = store.sent(store.opened().entry())
        later = NOON + timedelta(seconds=20)
        store.settled(order, OrderState.OPEN, at=later)

        assert store.orders.left_behind(later + timedelta(seconds=4), timedelta(seconds=5), 9) == []

    def test_orders_do_not_mix(self, store: StoreUnderTest) -> None:
        first = store.opened().holding("one", symbol="ETH/USDT")
        second = store.entry("two")
        store.settled(store.sent(second), OrderState.FILLED, a_fill("fill-of-one"))  # ids are unique by symbol

        assert store.orders.get(first.client_order_id) == first
        assert store.ledger.account({}, LATER).exposure == 200

    def test_fills_of_which_nobody_knew_are_booked_once_and_the_trade_is_protected(self, store: StoreUnderTest) -> None:
        order = store.orders.doubt(store.sent(store.opened().entry()), "timed out", LATER)

        for _ in range(2):
            booked = store.booked(order.client_order_id, a_fill())

        assert (booked.state, booked.filled, booked.exchange_order_id) == (OrderState.FILLED, Decimal(1), "venue-1")
        assert store.ledger.account({}, LATER).cash == Decimal("9899.95")
        [level] = store.trades.levels()
        assert level.stop == pytest.approx(98)

    def test_a_part_of_an_order_leaves_it_live_unless_it_has_ended(self, store: StoreUnderTest) -> None:
        order = store.orders.doubt(store.sent(store.opened().entry()), "timed out", LATER)

        part = store.booked(order.client_order_id, a_fill("one", amount=HALF))
        assert (part.state, part.filled) == (OrderState.PARTIALLY_FILLED, HALF)

        ended = store.booked(order.client_order_id, a_fill("two", amount=HALF / 2), ended=True)
        assert (ended.state, ended.filled) == (OrderState.CANCELLED, HALF * 3 / 2)

    def test_a_late_fill_of_an_order_that_expired_opens_its_trade(self, store: StoreUnderTest) -> None:
        order = store.orders.doubt(store.sent(store.opened().entry()), "timed out", LATER)
        store.orders.expire(order, "absent", LATER)

        booked = store.booked(order.client_order_id, a_fill())

        assert (booked.state, booked.filled) == (OrderState.EXPIRED, Decimal(1))
        assert store.ledger.account({}, LATER).busy == {"BTC/USDT"}
        assert len(store.trades.levels()) == 1

    def test_an_order_that_counted_as_absent_is_not_sent_again_once_its_fills_came(self, store: StoreUnderTest) -> None:
        order = store.orders.release(store.sent(store.opened().entry()), "absent", LATER)

        assert store.booked(order.client_order_id, a_fill(amount=HALF)).state is OrderState.PARTIALLY_FILLED
        assert store.orders.claim(order.client_order_id, at=LATER, lease=LEASE) is None


NONE = Protection(None, None, None)
