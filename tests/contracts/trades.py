"""What every store of trades does."""

from datetime import timedelta
from decimal import Decimal

from app.domain.orders import OrderState
from app.domain.protection import Level, Protection
from app.domain.unprotected import Held, Spell
from tests.contracts.stores import LATER, StoreUnderTest, sale
from tests.fixtures.memory.builders import NOON, a_fill, an_exit

FOUND = an_exit().found_at


class TradesContract:
    """Subclasses give the fixture `store`."""

    def test_an_open_trade_has_its_levels(self, store: StoreUnderTest) -> None:
        order = store.sent(store.opened().entry())
        kept = Protection(Decimal("0.02"), None, Decimal("0.01"))
        store.settled(order, OrderState.FILLED, a_fill(), protection=kept)

        assert store.trades.levels() == [Level(order.trade_id, "BTC/USDT", 98.0, None, 0.01, 100.0)]

    def test_what_is_not_bought_has_none(self, store: StoreUnderTest) -> None:
        store.sent(store.opened().entry())

        assert store.trades.levels() == []

    def test_a_trade_that_is_being_left_has_none(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.exit(trade_id)

        assert store.trades.levels() == []

    def test_a_trade_whose_exit_failed_has_them_again_and_counts_the_attempt(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        for number in range(2):
            store.orders.reject(store.sent(store.exit(trade_id, f"exit-{number}")), "no", LATER)

        assert [(level.trade_id, level.attempt) for level in store.trades.levels()] == [(trade_id, 2)]

    def test_a_refused_exit_counts_as_an_attempt_so_that_the_next_has_another_name(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        for key in ("one", "two"):
            store.signals.save(an_exit(key, trade_id=trade_id))
            with store.ledger.deciding(key, {}, LATER) as decision:
                decision.refuse("no")

        assert [level.attempt for level in store.trades.levels()] == [2]

    def test_a_trade_that_was_left_has_none(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.settled(store.sent(store.exit(trade_id)), OrderState.FILLED, sale())

        assert store.trades.levels() == []

    def test_what_is_left_after_a_part_was_sold_is_protected(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.settled(store.sent(store.exit(trade_id)), OrderState.CANCELLED, sale(amount=Decimal("0.25")))

        assert [(level.trade_id, level.attempt) for level in store.trades.levels()] == [(trade_id, 1)]

    def test_a_peak_is_raised_and_never_lowered(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.trades.raise_peaks({trade_id: Decimal("120.5")})
        store.trades.raise_peaks({trade_id: Decimal(110)})

        assert [level.peak for level in store.trades.levels()] == [120.5]

    def test_what_is_held_is_watched(self, store: StoreUnderTest) -> None:
        store.sent(store.opened().entry("pending"))
        held = store.holding("held")

        assert store.trades.watched() == [Held(held.trade_id, "BTC/USDT", Spell())]

    def test_a_trade_is_to_be_left_from_the_first_signal_that_wants_it_until_it_is(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.signals.save(an_exit("waits", trade_id=trade_id))
        waiting = store.trades.watched()
        with store.ledger.deciding("waits", {}, LATER) as decision:
            decision.refuse("nobody listens to it")
        unheard = store.trades.watched()
        order = store.exit(trade_id, "ordered", wanted=True)
        ordered = store.trades.watched()
        store.orders.reject(store.sent(order), "no", LATER)
        rejected = store.trades.watched()
        store.signals.save(an_exit("again", trade_id=trade_id, found_at=FOUND + timedelta(minutes=1)))
        again = store.trades.watched()

        seen = [one.leaving_since for one in (*waiting, *unheard, *ordered, *rejected, *again)]
        assert seen == [FOUND, None, FOUND, FOUND, FOUND]
        store.settled(store.sent(store.exit(trade_id, "last")), OrderState.FILLED, sale())
        assert store.trades.watched() == []

    def test_what_was_to_be_left_and_still_holds_something_has_its_wish(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        order = store.sent(store.exit(trade_id, wanted=True))
        assert store.trades.levels() == []

        store.settled(order, OrderState.CANCELLED, sale(amount=Decimal("0.25")))

        assert [(level.trade_id, level.wish) for level in store.trades.levels()] == [
            (trade_id, store.signals.get("exit-1"))
        ]

    def test_what_has_bought_nothing_yet_is_entering_until_it_has_or_is_to_be_left(self, store: StoreUnderTest) -> None:
        first, second = store.opened().entry("one"), store.entry("two", symbol="ETH/USDT")
        entering = store.trades.entering()
        store.settled(store.sent(first), OrderState.FILLED, a_fill())
        store.signals.save(an_exit("leave", trade_id=second.trade_id, symbol="ETH/USDT"))
        bought = store.trades.entering()
        with store.ledger.deciding("leave", {}, LATER) as decision:
            decision.leave()

        level = Level(second.trade_id, "ETH/USDT", None, None, None, 100.0)
        assert entering == [Level(first.trade_id, "BTC/USDT", None, None, None, 100.0), level]
        assert (bought, store.trades.entering()) == ([level], [])

    def test_spells_are_kept(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        spell = Spell(NOON, 2.5, told=True)

        store.trades.keep_spells({trade_id: spell})

        assert [one.spell for one in store.trades.watched()] == [spell]

    def test_a_trade_that_was_closed_while_it_was_not_protected_is_watched_until_its_spell_has_ended(
        self, store: StoreUnderTest
    ) -> None:
        trade_id = store.opened().holding().trade_id
        store.trades.keep_spells({trade_id: Spell(NOON)})
        store.settled(store.sent(store.exit(trade_id)), OrderState.FILLED, sale())
        (closed,) = store.trades.watched()
        store.trades.keep_spells({trade_id: Spell(past_s=1.0)})

        assert closed.closed_at is not None
        assert store.trades.watched() == []

    def test_each_trade_has_its_own_levels(self, store: StoreUnderTest) -> None:
        first = store.opened().holding("one", symbol="BTC/USDT")
        second = store.holding("two", symbol="ETH/USDT")
        store.trades.raise_peaks({second.trade_id: Decimal(130)})

        assert {level.trade_id: level.peak for level in store.trades.levels()} == {
            first.trade_id: 100.0,
            second.trade_id: 130.0,
        }
