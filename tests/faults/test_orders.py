"""What the venue does to an order: the steps, SQLite and ccxt against the scenario of each number."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app import risk
from app.domain.market import microseconds
from app.domain.orders import OUT_OF_REACH, TERMINAL, Leg, Order, OrderState, OrderType, Side
from app.domain.portfolio import Mark, TradeStatus
from app.domain.protection import Protection
from app.domain.risk import Account, Breaker, TradingState
from app.risk import old_marks
from app.steps.mark_equity import mark_equity
from tests.faults.laboratory import BTC, ETH, ORDER_TIMEOUT, READ_LAG, RECV_WINDOW, Laboratory
from tests.fixtures.memory.builders import an_order

S = OrderState
Make = Callable[..., Laboratory]
OVER = 2 * ORDER_TIMEOUT


def test_F01_a_create_that_times_out_is_looked_up_and_not_sent_again(laboratory: Make) -> None:
    lab = laboratory("F1")
    name = lab.entry()

    doubted = lab.place(name)
    reserved = lab.ledger.account({}, lab.now()).reserved
    lab.place(name)
    found = lab.settle(name)

    assert (doubted.state, reserved) == (S.UNKNOWN, doubted.reserved)
    assert (found.state, lab.accepted) == (S.FILLED, 1)


def test_F02_not_found_within_the_read_lag_proves_nothing(laboratory: Make) -> None:
    lab = laboratory("F2")
    name = lab.entry()
    claimed = lab.orders.claim(name, at=lab.now(), lease=timedelta(0))  # its sender dies once the venue has it
    assert claimed is not None
    lab.trading.submit(claimed, signed_at=lab.now())

    terms: dict[str, Any] = {"read_lag": timedelta(seconds=1), "later": RECV_WINDOW}
    assert lab.settle(name, **terms).state is S.UNKNOWN
    assert lab.settled(name, S.FILLED, S.APPROVED, S.EXPIRED, **terms).state is S.FILLED
    assert lab.accepted == 1


def test_F03_a_poll_that_nobody_answers_is_no_answer(laboratory: Make) -> None:
    lab = laboratory("F3")
    name = lab.entry()
    lab.place(name)
    later = RECV_WINDOW + READ_LAG  # from then on "not there" would end it

    assert [lab.settle(name, later=later).state for _ in range(3)] == [S.UNKNOWN] * 3
    assert lab.settle(name).state is S.FILLED
    assert lab.accepted == 1


def test_F04_an_order_without_an_answer_is_not_over_and_its_late_fill_is_booked(laboratory: Make) -> None:
    lab = laboratory("F4")
    name = lab.entry()

    assert lab.place(name).state is S.UNKNOWN
    lab.tick(99)
    terms: dict[str, Any] = {"read_lag": timedelta(seconds=1), "later": RECV_WINDOW}
    assert lab.settle(name, **terms).state is S.UNKNOWN
    order = lab.settled(name, S.FILLED, S.REJECTED, S.EXPIRED, S.APPROVED, **terms)

    assert (order.state, order.filled) == (S.FILLED, order.amount)
    assert lab.trade(order.trade_id).status == TradeStatus.OPEN


def test_F05_an_order_that_filled_while_it_was_cancelled_counts_as_filled(laboratory: Make) -> None:
    lab = laboratory("F5")
    name = resting(lab)

    order = lab.settle(name, later=OVER)

    assert (order.state, order.filled) == (S.FILLED, order.amount)
    assert lab.trade(order.trade_id).left == order.amount


def test_F06_a_new_exit_waits_for_the_end_of_the_old_one(laboratory: Make) -> None:
    lab = laboratory("F6")
    lab.client.cancel_s = 1
    trade = lab.holding().trade_id
    lab.prices.heard[BTC] = (110.0, lab.prices.heard[BTC][1])
    old = lab.exit(trade, order_type=OrderType.LIMIT)
    assert old is not None
    lab.place(old)
    lab.settle(old)

    assert lab.settle(old, later=OVER).is_live  # the answer to the cancel did not come
    assert lab.exit(trade) is None
    lab.settled(old, S.CANCELLED)
    assert lab.exit(trade) is not None


def test_F07_an_exit_whose_answer_is_lost_is_not_sent_a_second_time(laboratory: Make) -> None:
    lab = laboratory("F7")
    trade = lab.holding().trade_id
    name = lab.exit(trade)
    assert name is not None

    assert lab.place(name).state is S.UNKNOWN
    assert lab.exit(trade) is None
    assert lab.settle(name).state is S.FILLED
    assert lab.exit(trade) is None
    assert (lab.accepted, lab.trade(trade).status) == (2, TradeStatus.CLOSED)


def test_F08_a_stale_open_does_not_bring_an_order_back(laboratory: Make) -> None:
    lab = laboratory("F8")
    order = lab.holding()
    lab.place(lab.entry(ETH))
    assert lab.trading.look_up(order).state is S.OPEN  # type: ignore[union-attr]  # the venue does say so

    assert lab.settle(order.client_order_id) == order
    assert lab.trade(order.trade_id).status == TradeStatus.OPEN


def left(lab: Laboratory, trade_id: int) -> Order:
    """An exit of a trade, sent and followed to its end."""
    name = lab.exit(trade_id)
    assert name is not None
    lab.place(name)
    return lab.settled(name, *TERMINAL)


def sold_in_the_end(lab: Laboratory) -> list[Order]:
    """What the sweep asks for again until all is sold."""
    ended: list[Order] = []
    while not ended or ended[-1].state is not S.FILLED:
        name = lab.asked_again()
        assert name is not None
        lab.place(name)
        ended.append(lab.settled(name, *TERMINAL))
    return ended


def test_F11_what_a_partial_fill_leaves_is_no_order_and_what_it_bought_can_be_left(laboratory: Make) -> None:
    lab = laboratory("F11")
    name = lab.entry()
    lab.place(name)
    entry = lab.settled(name, S.CANCELLED)

    sold = left(lab, entry.trade_id)

    assert 0 < entry.filled < entry.amount
    assert (sold.state, sold.filled) == (S.FILLED, entry.filled)
    assert lab.trade(entry.trade_id).status == TradeStatus.CLOSED
    assert lab.trade(entry.trade_id).left == 0


def test_F10_a_position_whose_exit_is_cancelled_slowly_is_measured_and_told(laboratory: Make) -> None:
    lab = laboratory("F10")
    lab.client.cancel_s = 1
    trade = lab.holding().trade_id
    name = lab.exit(trade, order_type=OrderType.LIMIT)
    assert name is not None
    lab.place(name)

    exposed = [lab.watch(seconds) for seconds in (2, 4, 12)]
    lab.clock.go_on(OVER)
    lab.settled(name, S.CANCELLED)
    cancelled = lab.watch(14)
    assert [level.trade_id for level in lab.trades.levels()] == [trade], "it is asked for again"
    sold_in_the_end(lab)

    assert (exposed, cancelled, lab.watch(16)) == ([0, 1, 1], 1, 0)
    assert [data["event"] for _, data in lab.announce.told if "event" in data] == [
        "position.unprotected",
        "position.protected",
    ]


def test_F10_a_position_whose_exits_are_refused_one_after_the_other_is_measured_and_told(laboratory: Make) -> None:
    lab = laboratory()
    entry = lab.holding()
    by_hand = an_order("BY-HAND", side=Side.SELL, type=OrderType.LIMIT, amount=entry.amount, price=Decimal(150))
    lab.trading.submit(by_hand, signed_at=lab.now())
    assert left(lab, entry.trade_id).state is S.REJECTED
    assert lab.exit(entry.trade_id) is None

    assert [lab.watch(seconds) for seconds in (5, 12, 60, 600)] == [1, 1, 1, 1]
    assert [data["event"] for _, data in lab.announce.told if "event" in data] == ["position.unprotected"]


@pytest.mark.parametrize("leg", [Leg.STRATEGY_EXIT, Leg.OPERATOR_EXIT])
def test_F10_an_exit_that_fills_nothing_is_asked_for_again_until_it_is_sold(laboratory: Make, leg: Leg) -> None:
    lab = laboratory()
    trade = lab.holding().trade_id
    lab.venue.fail("no_fills", times=2)
    lab.clock.go_on(timedelta(seconds=1))  # a strategy leaves by a bar that ended after the entry
    name = lab.approve(side=Side.SELL, leg=leg, trade_id=trade if leg is Leg.OPERATOR_EXIT else None)
    assert name is not None
    lab.place(name)
    ended = [lab.settled(name, *TERMINAL), *sold_in_the_end(lab)]

    assert [(one.state, one.leg) for one in ended] == [(S.CANCELLED, leg), (S.CANCELLED, leg), (S.FILLED, leg)]
    assert (lab.trade(trade).status, lab.trades.levels()) == (TradeStatus.CLOSED, [])


def test_F13_an_exit_that_was_refused_for_its_balance_is_tried_again_until_it_is_sold(laboratory: Make) -> None:
    lab = laboratory("F13")
    trade = lab.holding().trade_id

    ended = [left(lab, trade).state for _ in range(3)]

    assert ended == [S.REJECTED, S.REJECTED, S.FILLED]
    assert lab.trade(trade).status == TradeStatus.CLOSED


@pytest.mark.parametrize("price", [99, 150], ids=["sold by hand", "locked by an order by hand"])
def test_F13_an_exit_that_was_refused_sells_what_is_free_and_then_waits_and_is_told(
    laboratory: Make, price: int
) -> None:
    lab = laboratory()
    entry = lab.holding()
    half = lab.instruments.get(BTC).floor_amount(entry.amount / 2)
    by_hand = an_order("BY-HAND", side=Side.SELL, type=OrderType.LIMIT, amount=half, price=Decimal(price))
    lab.trading.submit(by_hand, signed_at=lab.now())

    refused, sold, again = (left(lab, entry.trade_id) for _ in range(3))
    rest = entry.amount - sold.filled

    assert [one.state for one in (refused, sold, again)] == [S.REJECTED, S.FILLED, S.REJECTED]
    assert (refused.amount, sold.filled, again.amount) == (entry.amount, entry.amount - half, rest)
    assert [lab.exit(entry.trade_id) for _ in range(2)] == [None, None]
    assert [data["subject"] for topic, data in lab.announce.told if topic == "system_health"] == ["BTC"]
    assert (lab.trade(entry.trade_id).status, lab.trade(entry.trade_id).left) == (TradeStatus.OPEN, rest)
    assert [level.trade_id for level in lab.trades.levels()] == [entry.trade_id]


def test_F13_what_was_locked_is_sold_once_it_is_free(laboratory: Make) -> None:
    lab = laboratory()
    entry = lab.holding()
    by_hand = an_order("BY-HAND", side=Side.SELL, type=OrderType.LIMIT, amount=entry.amount, price=Decimal(150))
    lab.trading.submit(by_hand, signed_at=lab.now())
    assert left(lab, entry.trade_id).state is S.REJECTED
    assert lab.exit(entry.trade_id) is None
    assert lab.trading.look_up(by_hand).state is S.OPEN  # type: ignore[union-attr]  # it was left alone

    lab.trading.cancel(by_hand)

    assert left(lab, entry.trade_id).filled == entry.amount
    assert lab.trade(entry.trade_id).status == TradeStatus.CLOSED


def test_F14_no_more_is_sold_than_a_fee_in_base_currency_has_left(laboratory: Make) -> None:
    lab = laboratory("F14")
    entry = lab.holding()
    held = lab.trade(entry.trade_id).left

    sold = left(lab, entry.trade_id)

    assert held < entry.filled
    assert sold.state is S.FILLED
    assert 0 <= held - sold.filled < lab.instruments.get(BTC).amount_step
    assert lab.trade(entry.trade_id).status == TradeStatus.CLOSED


def test_F15_what_an_exit_leaves_behind_ends_as_dust(laboratory: Make) -> None:
    lab = laboratory("F15")
    trade = lab.holding().trade_id
    left(lab, trade)
    assert lab.trade(trade).status == TradeStatus.OPEN

    lab.tick(1)  # now the rest is worth less than the venue lets anyone sell

    assert lab.exit(trade) is None
    assert lab.trade(trade).status == TradeStatus.CLOSED
    assert lab.trade(trade).left > 0
    assert lab.trades.levels() == []


def test_F12_risk_counts_what_was_filled_of_an_entry(laboratory: Make) -> None:
    lab = laboratory("F12")
    name = lab.entry()
    lab.place(name)

    order = lab.settled(name, S.CANCELLED, S.FILLED)
    account = lab.ledger.account({BTC: Mark(Decimal(100), lab.now())}, lab.now())

    assert order.state is S.CANCELLED
    assert 0 < order.filled < order.amount
    assert lab.trade(order.trade_id).left == order.filled
    assert (account.reserved, account.exposure) == (Decimal(0), order.filled * 100)


def test_F16_an_order_below_a_minimum_that_has_risen_is_refused_and_frees_what_it_held(laboratory: Make) -> None:
    lab = laboratory("F16")

    order = lab.place(lab.entry())

    assert (order.state, lab.ledger.account({}, lab.now()).reserved) == (S.REJECTED, Decimal(0))
    assert lab.trade(order.trade_id).status == TradeStatus.VOID
    assert lab.holding().state is S.FILLED


def test_F17_a_symbol_that_the_api_does_not_trade_is_refused_and_stops_no_other(laboratory: Make) -> None:
    lab = laboratory("F17")

    assert [lab.instruments.get(symbol).tradable for symbol in (BTC, ETH)] == [False, True]
    lab.instruments.save(
        [replace(one, tradable=True) for one in lab.instruments.all()], lab.instruments.markets(), lab.now()
    )
    assert lab.place(lab.entry(BTC)).state is S.REJECTED
    assert [lab.instruments.get(symbol).tradable for symbol in (BTC, ETH)] == [False, True]
    assert lab.holding(ETH).state is S.FILLED


def test_F17_a_symbol_that_is_suspended_for_a_moment_takes_no_entry_and_its_trade_is_left(laboratory: Make) -> None:
    lab = laboratory()
    lab.rules = risk.rules({})
    trade = lab.holding().trade_id
    lab.venue.fail("order_refused", code=30000, times=1)
    assert left(lab, trade).state is S.REJECTED
    assert not lab.instruments.get(BTC).tradable

    assert len(sold_in_the_end(lab)) == 1
    assert lab.approve() is None, "entries wait until the rules are read again"


def test_F18_an_ioc_that_rests_is_ended_when_its_time_is_over(laboratory: Make) -> None:
    lab = laboratory("F18")
    name = lab.entry()
    lab.place(name)

    assert lab.settle(name).state is S.OPEN
    assert lab.settle(name, later=OVER).state is S.CANCELLED
    assert lab.ledger.account({}, lab.now()).reserved == 0


def test_F19_a_symbol_without_market_orders_gets_marketable_limits_from_then_on(laboratory: Make) -> None:
    lab = laboratory("F19")
    lab.instruments.save([replace(lab.instruments.get(BTC), market_orders=True)], lab.instruments.markets(), lab.now())

    refused = lab.place(lab.entry(order_type=OrderType.MARKET))
    limited = lab.place(lab.entry(order_type=OrderType.MARKET))

    assert (refused.type, refused.state) == (OrderType.MARKET, S.REJECTED)
    assert (limited.type, limited.state) == (OrderType.IOC, S.OPEN)


def test_F20_a_clock_that_is_off_costs_one_try_and_is_made_up_for(laboratory: Make) -> None:
    lab = laboratory("F20")
    first, second = lab.entry(), lab.entry(ETH)
    lab.place(first)

    assert lab.place(second).state is S.APPROVED  # 700003: certainly not placed
    assert lab.place(second).state is S.OPEN
    assert [lab.settle(name).state for name in (first, second)] == [S.FILLED] * 2
    assert lab.accepted == 2


def test_F25_a_fill_that_is_told_twice_is_booked_once(laboratory: Make) -> None:
    lab = laboratory("F25")
    order = lab.holding()
    cash, executions = lab.ledger.account({}, lab.now()).free, lab.executions()

    told = lab.trading.look_up(replace(order, filled=Decimal(0)))  # as one who looked before it was booked
    assert told is not None
    instrument = lab.instruments.get(order.symbol)
    lab.orders.settle(order, told, instrument=instrument, protection=Protection(), at=lab.now())

    assert len(told.fills) == executions == lab.executions()
    assert lab.ledger.account({}, lab.now()).free == cash


def test_F26_an_order_that_a_restored_database_sends_again_is_booked_and_not_refused(laboratory: Make) -> None:
    lab = laboratory()
    name = lab.entry()
    lab.trading.submit(lab.orders.get(name), signed_at=lab.now())  # what the database has forgotten

    assert lab.place(name).state is S.UNKNOWN
    order = lab.settled(name, S.FILLED)

    assert (order.filled, lab.accepted, lab.executions()) == (order.amount, 1, 1)
    assert lab.trade(order.trade_id).status == TradeStatus.OPEN


def test_F26_an_order_that_a_restored_database_has_let_expire_is_booked(laboratory: Make) -> None:
    lab = laboratory()
    name = lab.entry()
    sent = lab.orders.get(name)
    lab.trading.submit(sent, signed_at=lab.now())
    lab.orders.expire(sent, "its time to live was over before it was sent", lab.now())

    order = lab.settle(name)

    assert (order.state, order.filled, lab.executions()) == (S.EXPIRED, order.amount, 1)
    assert lab.trade(order.trade_id).left == order.amount


def lost(lab: Laboratory) -> Order:
    """An entry that was claimed and never arrived, and the process that did so is gone."""
    name = lab.entry()
    lab.trading.await_turn(lab.orders.get(name))
    stamp = lab.trading.stamp(lab.now())
    claimed = lab.orders.claim(name, at=lab.now(), lease=timedelta(0), acceptable_until=stamp.acceptable_until)
    assert claimed is not None
    return claimed


def test_F20_an_absence_is_proved_by_the_venues_clock_and_not_by_ours(laboratory: Make) -> None:
    lab = laboratory()
    claimed = lost(lab)
    much_later = timedelta(seconds=20)  # our clock has leapt, and the claim may still be taken

    seen = [lab.settle(claimed.client_order_id, later=much_later).state]
    lab.venue.fail("clock_skew", ms=20_000)
    seen.append(lab.settle(claimed.client_order_id, later=much_later).state)

    assert seen == [S.UNKNOWN, S.APPROVED]


def test_an_unknown_order_that_the_venue_tells_of_no_more_is_held_for_a_person(laboratory: Make) -> None:
    lab = laboratory()
    claimed = lost(lab)
    week = timedelta(days=8)
    lab.venue.fail("clock_skew", ms=week / timedelta(milliseconds=1))
    lab.client.forget_offset()

    held = lab.settle(claimed.client_order_id, later=week)

    assert (held.state, held.reason) == (S.UNKNOWN, OUT_OF_REACH)
    assert lab.ledger.account({}, lab.now()).reserved == claimed.reserved
    told = [data for topic, data in lab.announce.told if topic == "system_health"]
    assert [data["client_order_id"] for data in told] == [claimed.client_order_id]


def test_F26_any_number_of_restarts_end_in_the_same_state(laboratory: Make) -> None:
    lab = laboratory("F1")
    name = lab.entry()
    lab.place(name)
    seen = []
    for _ in range(3):
        lab.restart()
        for queue, key in lab.swept():
            assert queue in ("order", "settle")
            lab.place(key)
            lab.settle(key)
        seen.append((lab.orders.get(name).filled, lab.executions(), lab.ledger.account({}, lab.now()).free))

    assert len(set(seen)) == 1
    assert (lab.orders.get(name).state, lab.accepted) == (S.FILLED, 1)


def test_F28_stop_and_target_are_read_from_the_database_after_a_restart(laboratory: Make) -> None:
    lab = laboratory()
    lab.holding()
    before = lab.trades.levels()

    lab.restart()

    assert len(before) == 1
    assert before[0].stop is not None
    assert lab.trades.levels() == before


def test_F32_prices_that_redis_has_lost_fire_no_breaker_and_let_nothing_in(laboratory: Make) -> None:
    lab = laboratory()
    lab.holding()
    tight = Breaker(Decimal("0.01"), Decimal("0.02"))

    def marked(days: float) -> Account:
        at = lab.now() + timedelta(days=days)
        terms: dict[str, Any] = {"prices": lab.prices, "breaker": tight, "announce": lab.announce, "now": lambda: at}
        lab.prices.heard |= {symbol: (price, microseconds(at)) for symbol, (price, _) in lab.prices.heard.items()}
        return mark_equity(ledger=lab.ledger, **terms)

    lab.prices.heard[BTC] = (200.0, lab.prices.heard[BTC][1])
    before = [marked(0), marked(1)]
    lab.prices.heard.clear()  # FLUSHALL
    lost = marked(1)

    assert lost.equity == lost.day_open == before[-1].equity
    assert lab.ledger.account({}, lab.now()).state is TradingState.ACTIVE
    lab.prices.heard[ETH] = (100.0, microseconds(lab.now()))
    lab.rules = [old_marks.Rule()]
    assert lab.approve(ETH) is None
    lab.prices.heard[BTC] = (200.0, microseconds(lab.now()))
    assert lab.approve(ETH) is not None


def test_F34_too_many_requests_lose_no_order_and_place_none_twice(laboratory: Make) -> None:
    lab = laboratory("F34")
    lab.place(lab.entry())
    name = lab.entry(ETH)

    answered = [lab.place(name).state for _ in range(5)]

    assert answered == [S.APPROVED] * 5
    assert lab.place(name).state is S.OPEN
    assert lab.accepted == 2


def test_F36_an_order_is_posted_once_and_never_as_a_trigger(laboratory: Make) -> None:
    lab = laboratory("F36")
    name = lab.entry()

    assert lab.place(name).state is S.UNKNOWN
    assert lab.accepted == 1
    assert "triggerPrice" not in lab.trading._request(lab.orders.get(name))
    assert lab.settle(name).state is S.FILLED


def resting(lab: Laboratory) -> str:
    """A limit entry below the market, that the venue has taken."""
    lab.prices.heard[BTC] = (90.0, lab.prices.heard[BTC][1])
    name = lab.entry(order_type=OrderType.LIMIT)
    lab.place(name)
    assert lab.settle(name).state is S.OPEN
    return name
