"""What every ledger does: the account, its day, its lock, and what is decided under it."""

from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.domain.marks import OLDEST
from app.domain.orders import Leg, OrderState
from app.domain.portfolio import Mark
from app.domain.risk import Breaker, TradingState
from app.domain.trading import Signal
from app.steps.ports import Check, Missing
from tests.contracts.stores import LATER, StoreUnderTest, sale
from tests.fixtures.memory.builders import NOON, a_fill, a_signal, an_exit, an_instrument, an_order

OLD = Check("stale_signal", "too old", {"age_s": "31"})
NEXT_DAY = NOON + timedelta(days=1)


def a_sell(key: str = "exit-1", **changes: Any) -> Signal:
    """A strategy's wish to leave, on the bar after the one on which it entered."""
    wish = {"leg": Leg.STRATEGY_EXIT, "trade_id": None, "bar_end": NOON + timedelta(minutes=1), **changes}
    return an_exit(key, **wish)


def marks(price: object, at: datetime = NOON, symbol: str = "BTC/USDT") -> dict[str, Mark]:
    """A symbol's last price, heard at that moment."""
    return {symbol: Mark(Decimal(str(price)), at)}


MARKS = marks(110)


class LedgerContract:
    """Subclasses give the fixture `store`."""

    def test_an_account_is_opened_once(self, store: StoreUnderTest) -> None:
        assert store.ledger.open_account(Decimal("10000.5"), NOON) is True
        assert store.ledger.open_account(Decimal(1), LATER) is False

        account = store.ledger.account({}, NOON)
        assert (account.cash, account.equity, account.day_open, account.day_high) == (Decimal("10000.5"),) * 4
        assert account.state is TradingState.ACTIVE

    def test_before_it_is_opened_there_is_no_account(self, store: StoreUnderTest) -> None:
        store.signals.save(a_signal())

        with pytest.raises(Missing):
            store.ledger.account({}, NOON)
        with pytest.raises(Missing):
            store.ledger.mark({}, NOON)
        with pytest.raises(Missing), store.ledger.deciding("signal-1", {}, NOON):
            pass

    def test_a_signal_that_is_not_there_is_missing(self, store: StoreUnderTest) -> None:
        with pytest.raises(Missing), store.opened().ledger.deciding("nobody", {}, NOON):
            pass

    def test_an_approved_entry_is_reserved_and_keeps_its_symbol_busy(self, store: StoreUnderTest) -> None:
        order = store.opened().entry()

        account = store.ledger.account({}, NOON)
        assert (account.reserved, account.exposure, account.cash) == (Decimal(100), Decimal(0), Decimal(10_000))
        assert account.busy == {"BTC/USDT"}
        assert store.ledger.held() == ["BTC/USDT"]
        assert store.orders.get(order.client_order_id) == order

    def test_what_is_bought_is_exposure_and_what_is_still_to_be_bought_reserved(self, store: StoreUnderTest) -> None:
        order = store.sent(store.opened().entry())
        store.settled(order, OrderState.PARTIALLY_FILLED, a_fill(amount=Decimal("0.25")))

        account = store.ledger.account(MARKS, NOON)
        assert (account.reserved, account.exposure) == (Decimal(75), Decimal("27.5"))
        assert account.cash == Decimal("9974.95")
        assert account.equity == Decimal("10002.45")

    def test_what_was_never_marked_counts_at_what_was_paid_for_it(self, store: StoreUnderTest) -> None:
        store.opened().holding()

        assert store.ledger.account({}, NOON).exposure == 100
        assert store.ledger.account(MARKS, NOON).exposure == 110

    def test_a_price_that_is_lost_counts_on_as_it_was_marked_last(self, store: StoreUnderTest) -> None:
        store.opened().holding()
        store.ledger.mark(marks(200), NOON)

        assert store.ledger.account({}, LATER).exposure == 200
        assert store.ledger.mark({}, LATER).exposure == 200
        store.signals.save(a_signal("another"))
        with store.ledger.deciding("another", {}, LATER) as decision:
            assert decision.account.exposure == 200

    def test_of_what_was_heard_and_what_was_written_down_the_newer_counts(self, store: StoreUnderTest) -> None:
        store.opened().holding()
        store.ledger.mark(marks(200, LATER), LATER)

        assert store.ledger.account(marks(150, NOON), LATER).exposure == 200
        assert store.ledger.mark(marks(150, NOON), LATER).exposure == 200
        assert store.ledger.account(marks(250, LATER), LATER).exposure == 250

    def test_who_was_overtaken_between_hearing_and_marking_marks_nothing_older(self, store: StoreUnderTest) -> None:
        store.opened().holding()
        store.ledger.mark(marks(50, LATER), LATER)

        overtaken = store.ledger.mark(marks(200, NEXT_DAY), NOON)  # a venue's clock may be ahead, too

        assert overtaken.exposure == 50
        assert overtaken.day_high < 10_000 + 50
        assert store.ledger.account({}, LATER).exposure == 50

    def test_every_trade_of_a_symbol_counts_at_the_newest_price_of_any(self, store: StoreUnderTest) -> None:
        store.opened().holding("one")
        order = store.sent(store.entry("two"))
        dearer = a_fill("fill-of-two", price=Decimal(120), at=LATER)
        store.settled(order, OrderState.FILLED, dearer)

        assert store.ledger.account({}, LATER).exposure == 240

    def test_a_fill_is_a_mark_until_a_newer_price_is_known(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        half = sale(price=Decimal(90), amount=Decimal("0.5"), at=LATER)
        store.settled(store.sent(store.exit(trade_id)), OrderState.PARTIALLY_FILLED, half)

        assert store.ledger.account(marks(120, NOON), LATER).exposure == 45
        late = sale("late", price=Decimal(10), amount=Decimal("0.25"), at=NOON)
        store.settled(store.orders.get("O-exit-1"), OrderState.PARTIALLY_FILLED, half, late)
        assert store.ledger.account({}, LATER).exposure == Decimal("22.5")

    def test_a_price_of_a_time_to_come_is_one_of_now(self, store: StoreUnderTest) -> None:
        store.opened().holding()
        store.ledger.mark(marks(200, NEXT_DAY), NOON)

        assert store.ledger.account(marks(150, LATER), LATER).exposure == 150

    def test_prices_that_are_lost_neither_halt_nor_reduce(self, store: StoreUnderTest) -> None:
        breaker = Breaker(max_drawdown=Decimal("0.005"), max_day_loss=Decimal("0.009"))
        store.opened().listed("BTC/USDT").holding()
        store.ledger.mark(marks(200), NOON, breaker)
        rolled = store.ledger.mark(marks(200, NEXT_DAY), NEXT_DAY, breaker)

        lost = store.ledger.mark({}, NEXT_DAY + timedelta(seconds=5), breaker)

        assert rolled.day_open == lost.equity == lost.day_high == Decimal("10099.95")
        assert store.ledger.account({}, NEXT_DAY).state is TradingState.ACTIVE

    def test_prices_that_are_lost_raise_no_high(self, store: StoreUnderTest) -> None:
        breaker = Breaker(max_drawdown=Decimal("0.005"), max_day_loss=Decimal("0.009"))
        store.opened().listed("BTC/USDT").holding()
        store.ledger.mark(marks(50), NOON)
        opened = store.ledger.mark(marks(50, NEXT_DAY), NEXT_DAY, breaker)

        lost = store.ledger.mark({}, NEXT_DAY + timedelta(seconds=5), breaker)
        found = store.ledger.mark(marks(50, NEXT_DAY), NEXT_DAY + timedelta(seconds=10), breaker)

        assert opened.day_high == lost.day_high == found.day_high
        assert store.ledger.account({}, NEXT_DAY).state is TradingState.ACTIVE

    def test_at_old_prices_nothing_is_concluded_until_newer_ones_are_known(self, store: StoreUnderTest) -> None:
        """The farm was off for a day: what was lost since is no loss of this day."""
        breaker = Breaker(max_drawdown=Decimal("0.005"), max_day_loss=Decimal("0.009"))
        store.opened().listed("BTC/USDT", "ETH/USDT")
        store.holding("one", symbol="ETH/USDT")
        store.holding("two")
        store.ledger.mark(marks(200) | marks(200, symbol="ETH/USDT"), NOON)
        store.ledger.set_state(TradingState.REDUCING, "drawdown", "breaker", NOON)

        half = store.ledger.mark(marks(50, NEXT_DAY), NEXT_DAY, breaker)
        state = store.ledger.account({}, NEXT_DAY).state
        whole = store.ledger.mark(marks(50, NEXT_DAY) | marks(50, NEXT_DAY, "ETH/USDT"), NEXT_DAY, breaker)

        assert half.old_marks == {"ETH/USDT": timedelta(days=1)}
        assert (half.day_open, half.day_high) == (Decimal(10_000), Decimal("10199.90"))
        assert state is TradingState.REDUCING
        assert whole.old_marks == {}
        assert whole.day_open == whole.day_high == whole.equity == Decimal("9899.90")
        assert store.ledger.account({}, NEXT_DAY).state is TradingState.ACTIVE

    def test_old_prices_raise_no_high(self, store: StoreUnderTest) -> None:
        later = NOON + OLDEST + timedelta(seconds=1)
        quiet = marks(100, NOON, "ETH/USDT")
        store.opened().listed("BTC/USDT", "ETH/USDT")
        store.holding("one", symbol="ETH/USDT")
        store.holding("two")

        at_the_bound = store.ledger.mark(quiet | marks(300, NOON + OLDEST), NOON + OLDEST)
        beyond = store.ledger.mark(quiet | marks(900, later), later)

        assert (at_the_bound.old_marks, at_the_bound.day_high) == ({}, Decimal("10199.90"))
        assert beyond.old_marks == {"ETH/USDT": later - NOON}
        assert (beyond.equity, beyond.day_high) == (Decimal("10799.90"), Decimal("10199.90"))

    def test_what_does_not_trade_any_more_counts_at_its_last_price_and_holds_nothing_up(
        self, store: StoreUnderTest
    ) -> None:
        breaker = Breaker(max_drawdown=Decimal("0.005"), max_day_loss=Decimal("0.009"))
        store.opened().instruments.save([an_instrument(), an_instrument("ETH/USDT", tradable=False)], {}, NOON)
        store.holding("suspended", symbol="ETH/USDT")
        store.holding("delisted", symbol="SOL/USDT")
        store.holding("traded")
        gone = marks(150, NOON, "ETH/USDT") | marks(200, NOON, "SOL/USDT")
        store.ledger.mark(marks(100) | gone, NOON, breaker)

        rolled = store.ledger.mark(marks(100, NEXT_DAY), NEXT_DAY, breaker)
        lost = store.ledger.mark(marks(1, NEXT_DAY), NEXT_DAY, breaker)

        assert rolled.old_marks == lost.old_marks == {}
        assert (rolled.exposure, rolled.day_open) == (Decimal(450), rolled.equity)
        assert lost.exposure == 351
        assert store.ledger.account({}, NEXT_DAY).state is TradingState.HALTED

    def test_dust_waits_for_no_price(self, store: StoreUnderTest) -> None:
        held = store.opened().listed("BTC/USDT").holding()
        store.signals.save(an_exit(trade_id=held.trade_id))
        with store.ledger.deciding("exit-1", {}, LATER) as decision:
            decision.refuse("dust")
            decision.close_as_dust()

        account = store.ledger.mark({}, NEXT_DAY)

        assert (account.exposure, account.old_marks) == (Decimal(100), {})
        assert account.day_open == account.equity

    def test_a_trade_that_was_left_is_remembered_by_its_symbol(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.settled(store.sent(store.exit(trade_id)), OrderState.FILLED, sale(at=LATER))

        account = store.ledger.account(MARKS, LATER)
        assert dict(account.left_at) == {"BTC/USDT": LATER}
        assert account.busy == frozenset()
        assert account.exposure == 0
        assert store.ledger.held() == []

    def test_what_a_trade_that_was_left_still_holds_is_valued_as_the_market_says(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        most = Decimal("0.9995")  # the rest is less than a step
        store.settled(store.sent(store.exit(trade_id, amount=most)), OrderState.FILLED, sale(amount=most))

        account = store.ledger.account(MARKS, LATER)
        assert account.busy == frozenset()
        assert store.ledger.held() == ["BTC/USDT"], "its price is asked for"
        assert account.exposure == Decimal("0.0005") * 110

    def test_a_signal_becomes_one_order(self, store: StoreUnderTest) -> None:
        order = store.opened().entry()

        with store.ledger.deciding("signal-1", {}, LATER) as decision:
            assert decision.order == order
            assert not decision.refused

    def test_a_refusal_is_final(self, store: StoreUnderTest) -> None:
        store.opened().signals.save(a_signal())
        with store.ledger.deciding("signal-1", {}, NOON) as decision:
            assert not decision.refused
            decision.record([Check("max_exposure", "too much", {"share": "0.31"})])
            decision.refuse("max_exposure: too much")

        with store.ledger.deciding("signal-1", {}, LATER) as decision:
            assert decision.refused
            assert decision.order is None

    def test_a_signal_that_has_expired_is_refused(self, store: StoreUnderTest) -> None:
        store.opened().signals.save(a_signal())
        store.signals.expire("signal-1", OLD, NOON)

        with store.ledger.deciding("signal-1", {}, LATER) as decision:
            assert decision.refused

    def test_a_decision_that_breaks_leaves_nothing_behind(self, store: StoreUnderTest) -> None:
        store.opened().signals.save(a_signal())
        with suppress(ZeroDivisionError), store.ledger.deciding("signal-1", {}, NOON) as decision:
            decision.trip(TradingState.HALTED, "loss")
            order = an_order("lost", trade_id=decision.open_trade("momentum"), signal_key="signal-1")
            decision.record([Check("one", None, {})])
            decision.approve(order)
            raise ZeroDivisionError

        with pytest.raises(Missing):
            store.orders.get("lost")
        account = store.ledger.account({}, NOON)
        assert (account.state, account.reserved, len(account.busy)) == (TradingState.ACTIVE, Decimal(0), 0)
        assert store.signals.undecided(LATER, limit=9) == ["signal-1"]

    def test_an_exit_sees_its_trade(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.signals.save(an_exit(trade_id=trade_id))

        with store.ledger.deciding("exit-1", {}, NOON) as decision:
            assert decision.trade is not None
            assert (decision.trade.id, decision.trade.left) == (trade_id, Decimal(1))
            assert not decision.exit_is_live

    def test_a_strategys_exit_finds_the_trade_of_its_symbol(self, store: StoreUnderTest) -> None:
        store.opened().holding("one", symbol="ETH/USDT")
        trade_id = store.holding("two").trade_id
        store.signals.save(a_sell())

        with store.ledger.deciding("exit-1", {}, NOON) as decision:
            assert decision.trade is not None
            assert decision.trade.id == trade_id
            assert decision.nothing_to_leave is None

    @pytest.mark.parametrize(
        ("wish", "objection"),
        [
            ({"bar_end": NOON}, "old_exit"),
            ({"bar_end": NOON - timedelta(hours=2)}, "old_exit"),
            ({"strategy": "breakout"}, "other_strategy"),
            ({"symbol": "ETH/USDT"}, "open_trade"),
        ],
    )
    def test_a_strategys_exit_leaves_only_what_it_entered_on_an_older_bar(
        self, store: StoreUnderTest, wish: dict[str, Any], objection: str
    ) -> None:
        store.opened().holding()
        store.signals.save(a_sell(**wish))

        with store.ledger.deciding("exit-1", {}, NOON) as decision:
            decision.leave()
            assert decision.trade is None
            assert decision.nothing_to_leave is not None
            assert decision.nothing_to_leave.rule == objection
        assert [level.wish for level in store.trades.levels()] == [None]

    def test_a_wish_to_leave_stays_with_its_trade_and_the_first_one_counts(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        for key in ("first", "second"):
            store.signals.save(an_exit(key, trade_id=trade_id))
            with store.ledger.deciding(key, {}, NOON) as decision:
                decision.leave()
                decision.refuse("not now")

        assert [level.wish for level in store.trades.levels()] == [store.signals.get("first")]
        with store.ledger.deciding("second", {}, NOON) as decision:
            assert decision.trade is not None
            assert decision.trade.leaving_key == "first"

    def test_a_wish_to_leave_what_has_bought_nothing_yet_waits_until_it_has(self, store: StoreUnderTest) -> None:
        entry = store.sent(store.opened().entry())
        store.signals.save(a_sell())
        with store.ledger.deciding("exit-1", {}, NOON) as decision:
            decision.leave()
            assert decision.trade is None
            assert decision.nothing_to_leave is not None
            decision.refuse("it has bought nothing yet")

        store.settled(entry, OrderState.FILLED, a_fill())

        assert [level.wish for level in store.trades.levels()] == [store.signals.get("exit-1")]

    def test_a_wish_to_leave_is_about_every_trade_that_its_strategy_holds_of_the_symbol(
        self, store: StoreUnderTest
    ) -> None:
        store.opened().holding("one")
        store.holding("two")
        store.signals.save(a_sell())

        with store.ledger.deciding("exit-1", {}, NOON) as decision:
            decision.leave()

        assert [level.wish for level in store.trades.levels()] == [store.signals.get("exit-1")] * 2

    def test_an_entry_knows_whether_its_strategy_has_wished_to_leave_since(self, store: StoreUnderTest) -> None:
        later = NOON + timedelta(minutes=1)
        store.signals.save(a_sell("another strategy's", strategy="breakout"))
        store.signals.save(a_sell("another symbol's", symbol="ETH/USDT"))
        store.signals.save(a_sell("of the same bar", bar_end=NOON))
        store.signals.save(a_sell("of one trade", trade_id=7))
        store.opened().signals.save(a_signal())

        def seen() -> datetime | None:
            with store.ledger.deciding("signal-1", {}, NOON) as decision:
                return decision.out_since

        assert seen() is None
        for second in (30, 60, 45):
            store.signals.save(a_sell(f"sell-{second}", bar_end=NOON + timedelta(seconds=second)))
        assert seen() == later
        with store.ledger.deciding("sell-30", {}, NOON) as decision:
            assert decision.out_since is None

    def test_an_entry_has_no_trade_to_leave(self, store: StoreUnderTest) -> None:
        store.opened().holding()
        store.signals.save(a_signal("another"))

        with store.ledger.deciding("another", {}, NOON) as decision:
            assert decision.trade is None
            assert not decision.exit_is_live

    def test_an_exit_of_what_was_left_sees_no_trade(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.settled(store.sent(store.exit(trade_id)), OrderState.FILLED, sale())
        store.signals.save(an_exit("again", trade_id=trade_id))

        with store.ledger.deciding("again", {}, NOON) as decision:
            assert decision.trade is None

    def test_what_cannot_be_sold_is_closed_and_still_worth_something(self, store: StoreUnderTest) -> None:
        held = store.opened().holding()
        store.signals.save(an_exit(trade_id=held.trade_id))
        with store.ledger.deciding("exit-1", {}, LATER) as decision:
            decision.refuse("dust")
            decision.close_as_dust()

        account = store.ledger.account({}, LATER)
        assert account.exposure == 100
        assert account.left_at == {"BTC/USDT": LATER}
        assert account.busy == frozenset()
        assert store.trades.levels() == []

    def test_a_live_exit_is_seen_by_the_next(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.exit(trade_id)
        store.signals.save(an_exit("again", trade_id=trade_id))

        with store.ledger.deciding("again", {}, NOON) as decision:
            assert decision.exit_is_live

    def test_an_exit_may_begin_while_its_entry_is_still_filling(self, store: StoreUnderTest) -> None:
        entry = store.opened().sent(store.entry())
        store.settled(entry, OrderState.PARTIALLY_FILLED, a_fill(amount=Decimal("0.5")))

        leaving = store.exit(entry.trade_id)

        assert store.orders.get(leaving.client_order_id).is_live

    def test_an_exit_reserves_nothing(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id
        store.exit(trade_id)

        assert store.ledger.account({}, NOON).reserved == 0

    def test_a_decision_knows_what_became_of_the_last_exit(self, store: StoreUnderTest) -> None:
        trade_id = store.opened().holding().trade_id

        def seen(key: str, minutes: int) -> tuple[bool, bool, int]:
            store.signals.save(an_exit(key, trade_id=trade_id))
            with store.ledger.deciding(key, {}, NOON + timedelta(minutes=minutes)) as decision:
                decision.refuse("not now")
            return decision.exit_was_refused, decision.has_waited, decision.past_exits

        assert seen("early", 0) == (False, False, 0)
        store.orders.reject(store.sent(store.exit(trade_id, "one")), "Oversold", NOON + timedelta(minutes=1))
        assert seen("first", 2) == (True, False, 1)
        assert seen("second", 3) == (True, True, 1)
        again = store.exit(trade_id, "two", created_at=NOON + timedelta(minutes=4))
        assert seen("late", 5) == (False, False, 2)
        store.orders.reject(store.sent(again), "Oversold", NOON + timedelta(minutes=6))
        assert seen("last", 7) == (True, False, 2)

    def test_what_others_hold_is_known_for_a_while_after_an_exit_that_may_have_sold_more(
        self, store: StoreUnderTest
    ) -> None:
        trade_id = store.opened().holding().trade_id
        store.holding("elsewhere", symbol="ETH/USDT")
        others = [store.holding(key).trade_id for key in ("second", "third")]

        def seen(key: str, after_s: int) -> Decimal:
            store.signals.save(an_exit(key, trade_id=trade_id))
            with store.ledger.deciding(key, {}, NOON + timedelta(seconds=after_s)) as decision:
                decision.refuse("not now")
            return decision.of_others

        assert seen("early", 0) == 0
        store.settled(store.sent(store.exit(trade_id, "cut")), OrderState.CANCELLED, at=NOON + timedelta(seconds=20))
        assert [seen("soon", 21), seen("still", 34), seen("late", 35)] == [Decimal(2), Decimal(2), Decimal(0)]
        store.exit(others[0], "leaving")
        assert seen("while one is being left", 34) == 1

    def test_after_an_exit_that_sold_all_that_it_was_to_nobody_asks_what_others_hold(
        self, store: StoreUnderTest
    ) -> None:
        trade_id = store.opened().holding().trade_id
        store.holding("other")
        half = Decimal("0.5")
        store.settled(store.sent(store.exit(trade_id, amount=half)), OrderState.FILLED, sale(amount=half))

        store.signals.save(an_exit("again", trade_id=trade_id))
        with store.ledger.deciding("again", {}, LATER) as decision:
            assert decision.of_others == 0

    def test_tripping_shows_at_once_and_stays(self, store: StoreUnderTest) -> None:
        store.opened().signals.save(a_signal())
        with store.ledger.deciding("signal-1", {}, NOON) as decision:
            decision.trip(TradingState.HALTED, "loss")
            assert decision.account.state is TradingState.HALTED
            decision.trip(TradingState.REDUCING, "drawdown")
            assert decision.account.state is TradingState.HALTED

        assert store.ledger.account({}, NOON).state is TradingState.HALTED

    def test_marking_tightens_the_state_as_the_breaker_demands_and_never_loosens_it(
        self, store: StoreUnderTest
    ) -> None:
        store.opened().holding()
        breaker = Breaker(max_drawdown=Decimal("0.005"), max_day_loss=Decimal("0.009"))

        seen = []
        for price in (100, 45, 1, 100):
            marked = store.ledger.mark(marks(price, LATER), LATER, breaker)
            seen.append((marked.state, store.ledger.account({}, LATER).state))

        active, reducing, halted = TradingState
        assert seen == [(active, active), (active, reducing), (reducing, halted), (halted, halted)]

    def test_a_person_may_set_any_state(self, store: StoreUnderTest) -> None:
        store.opened().ledger.set_state(TradingState.HALTED, "maintenance", "ann", NOON)
        store.ledger.set_state(TradingState.ACTIVE, "done", "ann", LATER)

        assert store.ledger.account({}, LATER).state is TradingState.ACTIVE

    def test_marking_raises_the_days_high_and_never_lowers_it(self, store: StoreUnderTest) -> None:
        store.opened().holding()
        store.ledger.mark(marks(150, LATER), LATER)
        account = store.ledger.mark(marks(50, LATER), LATER)

        assert account.equity == Decimal("9949.95")
        assert (account.day_open, account.day_high) == (Decimal(10_000), Decimal("10049.95"))
        assert account.drawdown == Decimal(100) / Decimal("10049.95")

    def test_at_midnight_the_days_marks_begin_anew(self, store: StoreUnderTest) -> None:
        store.opened().holding()
        store.ledger.mark(marks(150, LATER), LATER)
        account = store.ledger.mark(marks(110, NEXT_DAY), NEXT_DAY)

        assert (account.equity, account.day_open, account.day_high) == (Decimal("10009.95"),) * 3

    def test_a_decision_rolls_the_day_too(self, store: StoreUnderTest) -> None:
        store.opened().holding()
        store.signals.save(a_signal("another"))
        with store.ledger.deciding("another", marks(110, NEXT_DAY), NEXT_DAY) as decision:
            assert decision.account.day_open == Decimal("10009.95")
            decision.refuse("no")

        assert store.ledger.account({}, NEXT_DAY).day_open == Decimal("10009.95")

    def test_a_reset_after_a_decision_has_rolled_the_day_forgives_nothing_of_the_day_before(
        self, store: StoreUnderTest
    ) -> None:
        store.opened().holding()
        breaker = Breaker(max_drawdown=Decimal("0.005"), max_day_loss=Decimal("0.009"))
        store.ledger.mark(marks(50), NOON)
        store.signals.save(a_signal("another"))
        with store.ledger.deciding("another", marks(200, NEXT_DAY), NEXT_DAY) as decision:
            decision.refuse("no")
        store.ledger.set_state(TradingState.REDUCING, "careful", "ann", NEXT_DAY)

        re_based = store.ledger.resume("calm again", "ann", breaker, NEXT_DAY)

        assert re_based == (Decimal("10099.95"),) * 2

    def test_what_the_drawdown_reduced_is_active_the_next_day(self, store: StoreUnderTest) -> None:
        store.opened().ledger.set_state(TradingState.REDUCING, "drawdown", "breaker", NOON)

        assert store.ledger.mark({}, LATER).state is TradingState.REDUCING
        assert store.ledger.mark({}, NEXT_DAY).state is TradingState.ACTIVE

    def test_what_a_person_reduced_stays_reduced(self, store: StoreUnderTest) -> None:
        store.opened().ledger.set_state(TradingState.REDUCING, "careful", "ann", NOON)

        assert store.ledger.mark({}, NEXT_DAY).state is TradingState.REDUCING

    def test_what_was_halted_stays_halted(self, store: StoreUnderTest) -> None:
        store.opened().ledger.set_state(TradingState.HALTED, "loss", "breaker", NOON)

        assert store.ledger.mark({}, NEXT_DAY).state is TradingState.HALTED

    def test_after_a_reset_the_same_loss_does_not_trip_the_breaker_again(self, store: StoreUnderTest) -> None:
        store.opened().holding()
        lost = marks(1, LATER)
        breaker = Breaker(max_drawdown=Decimal("0.005"), max_day_loss=Decimal("0.009"))
        store.ledger.mark(lost, LATER)
        store.ledger.set_state(TradingState.HALTED, "loss", "breaker", LATER)

        re_based = store.ledger.resume("looked at it", "ann", breaker, LATER)

        account = store.ledger.mark(lost, LATER)
        assert re_based == (account.day_open, account.day_high) == (Decimal("9900.95"),) * 2
        assert account.state is TradingState.ACTIVE
        assert breaker.demand(account) is None

    def test_a_reset_of_what_a_person_halted_forgives_no_loss(self, store: StoreUnderTest) -> None:
        store.opened().ledger.set_state(TradingState.HALTED, "careful", "ann", NOON)

        assert store.ledger.resume("calm again", "ann", Breaker(), LATER) == (Decimal(10_000),) * 2
        assert store.ledger.account({}, LATER).state is TradingState.ACTIVE
