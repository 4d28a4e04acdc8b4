"""A signal becomes one order or none, and every rule's answer is kept."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from app import risk
from app.domain.errors import Denied, RateLimited, Unavailable, VenueError
from app.domain.market import microseconds
from app.domain.orders import Leg, OrderState, OrderType, Side
from app.domain.portfolio import Mark, TradeStatus
from app.domain.risk import Account, Breaker, TradingState
from app.domain.sizing import Sizing
from app.domain.trading import Intent, Signal
from app.steps.approve_signal import approve_signal
from app.steps.ports import Missing
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import BTC, NOON, a_signal, an_exit, an_instrument, an_order

STATE: Any = [rule for rule in risk.rules({}) if type(rule).__module__.endswith("trading_state")]
RULE = __name__.rpartition(".")[2]


@dataclass
class Rule:
    """Objects when told to; remembers what it was asked."""

    guards_exits: ClassVar[bool] = True

    objects: str | None = None
    asked: Intent | None = None
    saw: Account | None = None

    def objection(self, intent: Intent, account: Account) -> str | None:
        self.asked, self.saw = intent, account
        return self.objects

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        return {"notional": str(intent.notional)}


class EntryRule(Rule):
    """One that is not asked about exits."""

    guards_exits: ClassVar[bool] = False


def approve(
    farm: MemoryFarm,
    key: str = "signal-1",
    *rules: risk.Rule,
    at: datetime = NOON + timedelta(seconds=1),
    **changes: Any,
) -> str | None:
    wanted = {
        "signals": farm.signals,
        "ledger": farm.ledger,
        "free": farm.venue_account.free,
        "instruments": farm.instruments,
        "prices": farm.prices,
        "rules": rules,
        "breaker": Breaker(),
        "sizing": Sizing(),
        "order_type": OrderType.IOC,
        "slippage": Decimal("0.001"),
        "exit_slippage": Decimal("0.005"),
        "time_to_live": timedelta(seconds=30),
        "announce": farm.announce,
        "now": lambda: at,
    }
    return approve_signal(key, **{**wanted, **changes})


def heard(farm: MemoryFarm, price: float, symbol: str = BTC) -> None:
    farm.prices.heard[symbol] = (price, microseconds(NOON))


def objections(farm: MemoryFarm) -> dict[str, str | None]:
    return {check.rule: check.objection for _, check in farm.tables.checks}


def told_of(farm: MemoryFarm) -> list[tuple[str, Any]]:
    """What was audited besides that a trade is to be left."""
    return [(event, data) for event, data in farm.tables.audits if event != "trade.leaving"]


def a_sell(key: str = "exit-1", **changes: Any) -> Signal:
    """A strategy's wish to leave, on the bar after the one on which it entered."""
    wish = {"leg": Leg.STRATEGY_EXIT, "trade_id": None, "bar_end": NOON + timedelta(minutes=1), **changes}
    return an_exit(key, **wish)


def test_a_signal_becomes_an_approved_order_with_its_reservation(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())
    heard(memory, 100.0)

    name = approve(memory, "signal-1", Rule())

    assert name is not None
    order = memory.orders.get(name)
    assert (order.state, order.type, order.side, order.leg) == (
        OrderState.APPROVED, OrderType.IOC, Side.BUY, Leg.ENTRY,
    )  # fmt: skip
    assert (order.price, order.amount) == (Decimal("100.10"), Decimal("4.995"))
    assert order.reserved == order.price * order.amount
    assert (order.correlation_id, order.expires_at) == ("frame-1", NOON + timedelta(seconds=30))
    assert memory.tables.trades[order.trade_id].status is TradeStatus.PENDING
    assert memory.announce.topics == ["risk_approved_trades"]


def test_a_redelivered_signal_gives_the_same_order(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())

    assert approve(memory) == approve(memory)
    assert len(memory.tables.orders) == 1
    assert len(memory.tables.trades) == 1


def test_an_unknown_signal_is_an_error(memory: MemoryFarm) -> None:
    with pytest.raises(Missing):
        approve(memory, "nothing")


def test_every_rule_is_asked_and_its_answer_kept_with_its_numbers(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())
    first, second = Rule("no"), Rule("no either")

    assert approve(memory, "signal-1", first, second) is None

    kept = [check for _, check in memory.tables.checks]
    assert [check.objection for check in kept] == ["no", "no either"]
    assert kept[0].rule == RULE
    assert "notional" in kept[0].numbers
    assert memory.tables.verdicts == {"signal-1": "refused"}


def test_a_refused_signal_stays_refused(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())
    approve(memory, "signal-1", Rule("no"))

    assert approve(memory) is None
    assert memory.tables.orders == {}


def test_rules_see_the_last_price_and_its_age(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())
    heard(memory, 110.0)
    rule = Rule()

    approve(memory, "signal-1", rule)

    assert rule.asked is not None
    assert (rule.asked.price, rule.asked.market_age_s) == (Decimal("110.11"), 1)


def test_a_market_that_was_never_heard_has_no_age_and_the_price_of_the_signal(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())
    rule = Rule()

    approve(memory, "signal-1", rule)

    assert rule.asked is not None
    assert (rule.asked.price, rule.asked.market_age_s) == (Decimal("100.10"), None)


def test_an_entry_that_is_too_old_expires(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())

    assert approve(memory, at=NOON + timedelta(seconds=30)) is None
    assert memory.tables.verdicts == {"signal-1": "expired"}
    [(key, check)] = memory.tables.checks
    assert (key, check.rule) == ("signal-1", "stale_signal")
    assert check.objection == "the signal is 30.0 s old, and its time to live is 30 s"
    assert check.numbers == {"age_s": "30.000", "limit_s": "30"}


def test_an_entry_that_is_too_old_costs_no_look_at_the_account_the_market_or_the_rules(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())
    untouched: dict[str, Any] = dict.fromkeys(("ledger", "free", "instruments", "prices", "rules", "breaker", "sizing"))

    assert approve(memory, **untouched, at=NOON + timedelta(seconds=30)) is None
    assert approve(memory, **untouched, at=NOON + timedelta(seconds=31)) is None

    assert len(memory.tables.checks) == 1
    assert memory.announce.told == []


def test_an_entry_that_is_not_too_old_yet_is_decided(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())

    assert approve(memory, at=NOON + timedelta(seconds=29.999)) is not None


def test_a_signal_that_became_an_order_in_time_gives_it_however_late_it_comes_again(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())

    name = approve(memory)

    assert name is not None
    assert approve(memory, at=NOON + timedelta(hours=1)) == name
    assert memory.tables.verdicts == {"signal-1": "approved"}


def test_an_entry_for_which_nothing_is_left_is_refused_whatever_the_rules_say(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())
    memory.tables.cash = Decimal(1)

    assert approve(memory, "signal-1", Rule()) is None
    assert "amount" in objections(memory)


def test_the_breaker_trips_in_the_same_transaction(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())
    memory.tables.cash = Decimal(8000)
    rule = Rule("halted")

    assert approve(memory, "signal-1", rule) is None

    assert memory.tables.state is TradingState.HALTED
    assert rule.saw is not None
    assert rule.saw.state is TradingState.HALTED
    assert memory.announce.topics == ["system_health"]


def test_positions_are_valued_at_the_last_prices(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())
    memory.holding("10", "100", symbol="ETH/USDT")
    heard(memory, 120.0, "ETH/USDT")
    rule = Rule()

    approve(memory, "signal-1", rule)

    assert rule.saw is not None
    assert rule.saw.exposure == 1200


def test_while_a_price_of_what_is_held_is_not_known_nothing_is_entered_and_all_can_be_left(memory: MemoryFarm) -> None:
    later = NOON + timedelta(minutes=6)
    memory.holding("1", symbol="ETH/USDT")
    memory.instruments.save([an_instrument(), an_instrument("ETH/USDT")], {}, NOON)
    memory.signals.save(a_signal(bar_end=later))
    memory.signals.save(an_exit(symbol="ETH/USDT"))
    rule = risk.rules({})[risk.names().index("old_marks")]

    assert approve(memory, "signal-1", rule, at=later) is None
    assert approve(memory, "exit-1", rule, at=later) is not None

    [objection] = [check.objection for _, check in memory.tables.checks if check.objection]
    assert objection == "no price of ETH/USDT, which is held, is known now; the last is 360 s old"


def test_nothing_is_kept_when_the_approval_fails(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal(symbol="XYZ/USDT"))

    with pytest.raises(Missing):
        approve(memory)

    assert (memory.tables.checks, memory.tables.trades, memory.tables.verdicts) == ([], {}, {})


@pytest.mark.parametrize(
    ("order_type", "takes_market_orders", "expected", "price"),
    [
        (OrderType.MARKET, True, OrderType.MARKET, "100"),
        (OrderType.MARKET, False, OrderType.IOC, "100.10"),
        (OrderType.LIMIT, True, OrderType.LIMIT, "100.10"),
    ],
)
def test_f19_a_market_order_becomes_a_marketable_limit_where_the_venue_takes_none(
    memory: MemoryFarm, order_type: OrderType, takes_market_orders: bool, expected: OrderType, price: str
) -> None:
    memory.instruments.save([an_instrument(market_orders=takes_market_orders)], {}, NOON)
    memory.signals.save(a_signal())

    order = memory.orders.get(approve(memory, order_type=order_type) or "")

    assert (order.type, order.price) == (expected, Decimal(price))


def test_an_exit_sells_what_is_left_of_its_trade_and_reserves_nothing(memory: MemoryFarm) -> None:
    trade = memory.holding("1.2345")
    memory.signals.save(an_exit())
    late = NOON + timedelta(hours=1)

    order = memory.orders.get(approve(memory, "exit-1", at=late) or "")

    assert (order.trade_id, order.side, order.leg) == (trade.id, Side.SELL, Leg.STOP_LOSS)
    assert (order.amount, order.price, order.reserved) == (Decimal("1.234"), Decimal("99.90"), Decimal(0))
    assert order.expires_at == late + timedelta(seconds=30)


def test_an_exit_above_the_venues_maximum_sells_a_part(memory: MemoryFarm) -> None:
    memory.instruments.save([an_instrument(max_notional=Decimal(50))], {}, NOON)
    memory.holding("1")
    memory.signals.save(an_exit())

    assert memory.orders.get(approve(memory, "exit-1") or "").amount == Decimal("0.500")


def test_rules_that_guard_entries_only_are_not_asked_about_exits(memory: MemoryFarm) -> None:
    memory.holding()
    memory.signals.save(an_exit())

    assert approve(memory, "exit-1", EntryRule("never")) is not None


def test_an_exit_that_a_rule_refuses_leaves_its_trade_open_and_tells_nobody(memory: MemoryFarm) -> None:
    memory.holding()
    memory.signals.save(an_exit())

    assert approve(memory, "exit-1", Rule("never")) is None
    assert memory.tables.trades[1].status is TradeStatus.OPEN
    assert (told_of(memory), memory.announce.told) == ([], [])


def test_f7_one_trade_has_one_live_exit(memory: MemoryFarm) -> None:
    memory.holding()
    memory.signals.save(an_exit("exit-1"))
    memory.signals.save(an_exit("exit-2", leg=Leg.TAKE_PROFIT))

    assert approve(memory, "exit-1") is not None
    assert approve(memory, "exit-2") is None
    assert objections(memory) == {"live_exit": "an exit of this trade is already under way"}


def test_f9_an_exit_of_a_closed_trade_is_refused(memory: MemoryFarm) -> None:
    memory.tables.trades[1] = replace(memory.holding(), status=TradeStatus.CLOSED)
    memory.signals.save(an_exit())

    assert approve(memory, "exit-1") is None
    assert objections(memory) == {"open_trade": "there is no open trade to leave"}


def test_f14_what_a_base_fee_took_is_not_sold(memory: MemoryFarm) -> None:
    memory.tables.trades[1] = replace(memory.holding("1"), left=Decimal("0.9995"))
    memory.signals.save(an_exit())

    assert memory.orders.get(approve(memory, "exit-1") or "").amount == Decimal("0.999")


def test_the_limit_of_an_exit_gives_way_each_time_that_it_did_not_sell_all(memory: MemoryFarm) -> None:
    memory.holding()
    limits = []
    for number in range(5):
        memory.signals.save(an_exit(f"exit-{number}"))
        order = memory.orders.get(approve(memory, f"exit-{number}") or "")
        limits.append(order.price)
        memory.tables.orders[order.client_order_id] = replace(order, state=OrderState.CANCELLED)

    assert limits == [Decimal("99.90"), Decimal("99.80"), Decimal("99.60"), Decimal("99.50"), Decimal("99.50")]


def test_f15_a_trade_of_dust_is_closed_as_dust_and_asked_for_no_more(memory: MemoryFarm) -> None:
    memory.holding("0.0009")
    memory.signals.save(an_exit())

    assert approve(memory, "exit-1") is None
    assert "dust" in objections(memory)
    assert memory.tables.trades[1].status is TradeStatus.CLOSED
    assert memory.trades.levels() == []
    assert memory.ledger.account({BTC: Mark(Decimal(100), NOON)}, NOON).exposure == Decimal("0.09")


def after_a_refusal(memory: MemoryFarm, held: str = "1", there: str = "1", locked: str = "0") -> None:
    """A trade whose exit the venue has refused, what is there of its coin, and a second wish to leave."""
    memory.holding(held)
    memory.given(an_order("REFUSED", side=Side.SELL, leg=Leg.STOP_LOSS, state=OrderState.REJECTED))
    memory.trading.balances["BTC"], memory.venue_account.locked["BTC"] = Decimal(there), Decimal(locked)
    memory.signals.save(an_exit())


def test_nobody_asks_what_is_free_before_an_exit_was_refused(memory: MemoryFarm) -> None:
    memory.holding()
    memory.given(an_order("CANCELLED", side=Side.SELL, leg=Leg.STOP_LOSS, state=OrderState.CANCELLED))
    memory.signals.save(an_exit())

    assert approve(memory, "exit-1") is not None
    assert memory.venue_account.asked == []


@pytest.mark.parametrize(
    ("held", "there", "locked", "sold"),
    [
        ("1", "0.6005", "0", "0.600"),
        ("1", "1", "0.25", "0.750"),
        ("1", "3", "0", "1"),
        ("1", "3", "2.5", "0.500"),
        ("0.5005", "0.6", "0", "0.500"),
    ],
)
def test_f13_after_a_refusal_no_more_is_sold_than_is_held_and_free_at_the_venue(
    memory: MemoryFarm, held: str, there: str, locked: str, sold: str
) -> None:
    after_a_refusal(memory, held, there, locked)

    order = memory.orders.get(approve(memory, "exit-1") or "")

    assert order.amount == Decimal(sold)
    assert memory.tables.trades[1].left == Decimal(held)
    assert memory.venue_account.asked == ["free"]


def beside_another(memory: MemoryFarm, state: OrderState, there: str) -> None:
    """Two trades of one BTC each, the first with an exit that has ended at noon, and what is there of the coin."""
    memory.holding()
    memory.holding(number=2)
    memory.given(an_order("ENDED", side=Side.SELL, leg=Leg.STOP_LOSS, state=state))
    memory.trading.balances["BTC"] = Decimal(there)
    memory.signals.save(an_exit())


@pytest.mark.parametrize("state", [OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED])
@pytest.mark.parametrize(("there", "sold"), [("2", "1"), ("1.6", "0.600"), ("3", "1")])
def test_f5_an_exit_after_one_that_may_have_sold_more_leaves_alone_what_others_hold(
    memory: MemoryFarm, state: OrderState, there: str, sold: str
) -> None:
    beside_another(memory, state, there)

    assert memory.orders.get(approve(memory, "exit-1") or "").amount == Decimal(sold)
    assert memory.venue_account.asked == ["free"]


def test_f5_an_exit_for_which_all_that_is_there_is_of_others_waits_a_while_and_not_for_ever(
    memory: MemoryFarm,
) -> None:
    beside_another(memory, OrderState.CANCELLED, there="1")
    memory.signals.save(an_exit("exit-2"))

    assert approve(memory, "exit-1", at=NOON + timedelta(seconds=14)) is None
    assert objections(memory) == {"free_balance": "what is free at the venue is less than it lets anyone sell"}
    assert (told_of(memory), memory.announce.told) == ([], [])  # the venue may yet tell where it is
    assert memory.orders.get(approve(memory, "exit-2", at=NOON + timedelta(seconds=15)) or "").amount == 1


def test_f5_without_an_answer_about_what_is_free_an_exit_beside_others_is_tried_all_the_same(
    memory: MemoryFarm,
) -> None:
    beside_another(memory, OrderState.CANCELLED, there="1")

    def away(currency: str) -> Decimal:
        raise Unavailable("no answer")

    assert memory.orders.get(approve(memory, "exit-1", free=away) or "").amount == 1


def test_f5_nobody_asks_what_is_free_after_an_exit_that_sold_all_that_it_was_to(memory: MemoryFarm) -> None:
    beside_another(memory, OrderState.FILLED, there="1")

    assert memory.orders.get(approve(memory, "exit-1") or "").amount == 1
    assert memory.venue_account.asked == []


def test_f13_an_exit_for_which_too_little_is_free_waits_and_is_told_once(memory: MemoryFarm) -> None:
    after_a_refusal(memory, there="1", locked="0.9995")
    memory.signals.save(an_exit("exit-2"))

    assert approve(memory, "exit-1") is None
    assert approve(memory, "exit-2") is None

    assert objections(memory) == {"free_balance": "what is free at the venue is less than it lets anyone sell"}
    told = "0.0005 free at the venue, 1 in trade 1 here"
    difference = {"kind": "balance", "subject": "BTC", "told": told, "seen": 1}
    assert told_of(memory) == [("reconcile.difference", difference)]
    assert memory.announce.told == [("system_health", difference)]
    assert (memory.tables.trades[1].status, memory.tables.trades[1].left) == (TradeStatus.OPEN, Decimal(1))
    [level] = memory.trades.levels()
    assert (level.attempt, level.rests_until_us - microseconds(NOON + timedelta(seconds=1))) == (3, 2_000_000)


def test_f13_dust_is_dust_whatever_is_free(memory: MemoryFarm) -> None:
    after_a_refusal(memory, held="0.0005", there="0")

    assert approve(memory, "exit-1") is None
    assert memory.tables.trades[1].status is TradeStatus.CLOSED
    assert told_of(memory) == []


@pytest.mark.parametrize("error", [Unavailable("no answer"), RateLimited("no turn", 3), Denied("no", "keys")])
def test_f13_without_an_answer_the_exit_is_tried_as_before(memory: MemoryFarm, error: VenueError) -> None:
    after_a_refusal(memory, there="0.1")
    memory.venue_account.errors.append(error)

    assert memory.orders.get(approve(memory, "exit-1") or "").amount == 1


def test_what_is_free_is_asked_without_the_lock_and_decided_under_it(memory: MemoryFarm) -> None:
    after_a_refusal(memory)
    other = an_order("OTHER", side=Side.SELL, leg=Leg.TAKE_PROFIT)

    def meanwhile(currency: str) -> Decimal:
        memory.given(other)
        return Decimal(1)

    assert approve(memory, "exit-1", free=meanwhile) is None
    assert list(objections(memory)) == ["live_exit"]


def test_an_exit_that_was_decided_asks_no_more(memory: MemoryFarm) -> None:
    after_a_refusal(memory)

    assert approve(memory, "exit-1") == approve(memory, "exit-1")
    assert memory.venue_account.asked == ["free"]


def test_a_strategy_may_leave_the_trade_of_its_symbol(memory: MemoryFarm) -> None:
    memory.holding()
    memory.given(an_order("OTHER", state=OrderState.FILLED))
    memory.signals.save(a_sell())

    assert memory.orders.get(approve(memory, "exit-1") or "").leg is Leg.STRATEGY_EXIT


def test_a_wish_of_long_ago_does_not_leave_a_trade_that_was_entered_since(memory: MemoryFarm) -> None:
    memory.holding()
    memory.signals.save(a_sell(bar_end=NOON - timedelta(hours=2)))

    assert approve(memory, "exit-1") is None
    assert list(objections(memory)) == ["old_exit"]
    assert memory.tables.trades[1].leaving_key is None


def test_a_strategy_does_not_leave_the_trade_of_another(memory: MemoryFarm) -> None:
    memory.holding()
    memory.signals.save(a_sell(strategy="breakout"))

    assert approve(memory, "exit-1") is None
    assert list(objections(memory)) == ["other_strategy"]


def test_a_wish_to_leave_what_has_bought_nothing_yet_waits_with_its_trade(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())
    order = memory.orders.get(approve(memory) or "")
    memory.signals.save(a_sell())

    assert approve(memory, "exit-1", at=NOON + timedelta(minutes=2)) is None

    assert objections(memory)["open_trade"] == "trade 1 has bought nothing yet"
    assert memory.tables.trades[order.trade_id].leaving_key == "exit-1"


def test_an_entry_is_refused_when_its_strategy_has_wished_to_leave_since(memory: MemoryFarm) -> None:
    memory.signals.save(a_signal())
    memory.signals.save(a_sell(bar_end=NOON + timedelta(seconds=1)))

    assert approve(memory) is None
    assert objections(memory) == {"newer_wish": "on the newer bar of 2024-11-20T12:00:01Z its strategy wished to leave"}


def test_whoever_begins_to_leave_a_trade_its_exit_is_kept_with_it(memory: MemoryFarm) -> None:
    memory.holding()
    memory.signals.save(an_exit("stop"))
    memory.signals.save(a_sell("sell"))
    first = approve(memory, "stop")
    assert first is not None

    approve(memory, "sell")

    assert memory.tables.trades[1].leaving_key == "stop"


def test_a_wish_that_a_rule_refuses_is_kept_and_may_be_asked_for_again(memory: MemoryFarm) -> None:
    memory.holding()
    memory.signals.save(an_exit())

    assert approve(memory, "exit-1", Rule("not now")) is None
    assert [level.wish for level in memory.trades.levels()] == [memory.signals.get("exit-1")]


def test_rules_are_told_whether_an_exit_goes_on(memory: MemoryFarm) -> None:
    memory.holding()
    rule = Rule()
    for key in ("first", "second"):
        memory.signals.save(an_exit(key))
    first = memory.orders.get(approve(memory, "first", rule) or "")
    assert rule.asked is not None
    assert not rule.asked.goes_on
    memory.tables.orders[first.client_order_id] = replace(first, state=OrderState.CANCELLED)

    approve(memory, "second", rule)

    assert rule.asked.goes_on


def test_while_trading_is_halted_a_strategy_begins_no_exit_and_its_wish_is_forgotten(memory: MemoryFarm) -> None:
    memory.holding()
    memory.tables.state = TradingState.HALTED
    memory.signals.save(a_sell())

    assert approve(memory, "exit-1", *STATE) is None
    assert [rule for rule, told in objections(memory).items() if told] == ["trading_state"]
    assert memory.tables.trades[1].leaving_key is None


def test_what_was_to_be_left_before_a_halt_is_left_all_the_same(memory: MemoryFarm) -> None:
    memory.holding()
    memory.signals.save(a_sell("sell"))
    first = memory.orders.get(approve(memory, "sell", *STATE) or "")
    memory.tables.orders[first.client_order_id] = replace(first, state=OrderState.EXPIRED)
    memory.tables.state = TradingState.HALTED
    memory.signals.save(an_exit("again", leg=Leg.STRATEGY_EXIT))

    assert approve(memory, "again", *STATE) is not None


def test_a_suspended_symbol_takes_no_entry_and_its_trade_may_be_left(memory: MemoryFarm) -> None:
    rules: Any = risk.rules({})
    memory.instruments.restrict(BTC, "tradable", "30000", NOON)
    memory.signals.save(a_signal())
    assert approve(memory, "signal-1", *rules) is None
    assert objections(memory)["not_tradable"] is not None
    memory.holding()
    memory.signals.save(an_exit())

    assert approve(memory, "exit-1", *rules) is not None
