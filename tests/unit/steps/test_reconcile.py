"""Reconciliation: what is ours is booked, what is strange or has drifted is told once, and n runs are one."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, ClassVar

import pytest

from app.domain.balances import BOOKED
from app.domain.errors import RateLimited, Refused, Restricted, Unavailable
from app.domain.looks import MONTH, OVERLAP, Look, Pace
from app.domain.orders import OrderState, OrderType, Side, intent_key
from app.domain.portfolio import TradeStatus
from app.domain.protection import Protection
from app.domain.rate_limit import Budget, Priority, Window
from app.domain.reconciliation import Difference, VenueOrder
from app.domain.trading import Intent
from app.risk.not_reconciled import Rule
from app.steps.place_order import place_order
from app.steps.ports import Missing
from app.steps.reconcile import reconcile
from app.steps.settle_order import settle_order
from app.store import DatabaseError
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import BTC, NOON, a_fill, a_signal, an_instrument, an_order

Reconcile = Callable[..., list[Difference]]
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
PACE = Pace(30 * SECOND, timedelta(hours=1))
STRANGER = VenueOrder(BTC, "venue-99", "by-hand", OrderState.OPEN, Decimal(0))


def away(*_: object) -> None:
    raise DatabaseError("the database is away", "Wait for it")


@pytest.fixture
def settle(memory: MemoryFarm) -> Callable[[str], object]:
    return partial(
        settle_order,
        orders=memory.orders,
        trading=memory.trading,
        instruments=memory.instruments,
        protection=Protection(),
        levels_changed=lambda: None,
        hand_on=memory.hand_on,
        announce=memory.announce,
        now=memory.now,
        recv_window=5 * SECOND,
        read_lag=2 * SECOND,
        order_timeout=15 * SECOND,
    )


@pytest.fixture
def run(memory: MemoryFarm, settle: Callable[[str], object]) -> Reconcile:
    def once(*, settle: Callable[[str], object] = settle, **changes: Any) -> list[Difference]:
        return reconcile(
            settle=settle,
            venue=memory.venue_account,
            books=memory.books,
            orders=memory.orders,
            instruments=memory.instruments,
            protection=Protection(),
            prices=memory.prices,
            audits=memory.audits,
            levels_changed=lambda: None,
            announce=memory.announce,
            now=memory.now,
            **{"currency": "USDT", "symbols": (), "tolerance": Decimal(1), "pace": PACE, **changes},
        )

    return once


def placed(memory: MemoryFarm, name: str = "ORDER1", **changes: object) -> None:
    """An order that the venue has taken and nobody has followed."""
    memory.given(replace(an_order(name), **{"created_at": memory.now(), **changes}))  # type: ignore[arg-type]
    place_order(
        name,
        orders=memory.orders,
        trading=memory.trading,
        instruments=memory.instruments,
        hand_on=memory.hand_on,
        lease=10 * SECOND,
        announce=memory.announce,
        now=memory.now,
    )


def test_books_that_agree_are_reconciled_now(memory: MemoryFarm, run: Reconcile) -> None:
    memory.books.forget()
    memory.now.pass_by(seconds=5)

    assert run() == []
    assert memory.books.read(NOON).reconciled_at == memory.now()


def test_a_venue_that_does_not_answer_leaves_the_books_as_they_were(memory: MemoryFarm, run: Reconcile) -> None:
    memory.books.forget()
    memory.venue_account.errors.append(Unavailable("no answer"))

    with pytest.raises(Unavailable):
        run()

    assert memory.books.read(NOON).reconciled_at is None


def test_f24_a_fill_that_nobody_heard_of_is_booked(memory: MemoryFarm, run: Reconcile) -> None:
    placed(memory)

    assert run() == []

    assert memory.orders.get("ORDER1").state is OrderState.FILLED
    assert memory.tables.executions == {(BTC, "fill-of-venue-1")}
    assert memory.tables.cash == memory.trading.balance("USDT")


def test_f4_a_late_fill_of_an_order_that_ended_is_booked(memory: MemoryFarm, run: Reconcile) -> None:
    placed(memory)
    run()
    memory.now.pass_by(seconds=30)
    memory.trading.fill("ORDER1", a_fill("late", amount=Decimal("0.5"), at=memory.now()))

    run()

    assert (BTC, "late") in memory.tables.executions


def test_an_order_that_the_venue_has_ended_is_followed_to_its_end(memory: MemoryFarm, run: Reconcile) -> None:
    memory.trading.last = Decimal(120)
    placed(memory)

    run()

    assert memory.orders.get("ORDER1").state is OrderState.CANCELLED


def test_f27_an_order_that_works_at_the_venue_is_kept(memory: MemoryFarm, run: Reconcile) -> None:
    memory.trading.last = Decimal(120)
    placed(memory, type=OrderType.LIMIT)
    memory.books.forget()

    assert run() == []
    assert memory.orders.get("ORDER1").state is OrderState.OPEN
    assert memory.trading.orders["ORDER1"].state is OrderState.OPEN


def test_a_fill_is_booked_though_the_venue_tells_nothing_of_its_order(memory: MemoryFarm, run: Reconcile) -> None:
    placed(memory)
    memory.trading.answers += [Unavailable("no answer")]

    run()

    assert memory.orders.get("ORDER1").state is OrderState.FILLED
    assert (memory.announce.topics, len(memory.trades.levels())) == (["execution_events"] * 2, 1)


def test_a_part_of_an_order_is_booked_and_the_order_settled(memory: MemoryFarm, run: Reconcile) -> None:
    memory.trading.last = Decimal(120)
    placed(memory, type=OrderType.LIMIT)
    memory.trading.fill("ORDER1", a_fill("part", amount=Decimal("0.5")), state=OrderState.CANCELLED)

    run()

    order = memory.orders.get("ORDER1")
    assert (order.state, order.filled) == (OrderState.CANCELLED, Decimal("0.5"))


def test_fills_that_cannot_be_booked_leave_the_books_unreconciled_and_are_told(
    memory: MemoryFarm, run: Reconcile
) -> None:
    placed(memory)
    memory.books.forget()
    rules, memory.tables.instruments = memory.tables.instruments, {}

    assert [(one.kind, one.subject, one.seen) for run_ in range(2) for one in run()] == [
        ("unbooked", f"{BTC} ORDER1", 1),
        ("unbooked", f"{BTC} ORDER1", 2),
    ]
    assert memory.books.read(NOON).reconciled_at is None
    assert [data["subject"] for _, data in memory.tables.audits] == [f"{BTC} ORDER1"]

    memory.tables.instruments = rules
    assert run() == []
    assert memory.books.read(NOON).reconciled_at == memory.now()


def test_a_strange_order_is_told_once_and_left_alone(memory: MemoryFarm, run: Reconcile) -> None:
    memory.venue_account.strangers.append(STRANGER)
    memory.books.forget()

    first, again = run(symbols=(BTC,)), run(full=True, symbols=(BTC,))

    told = Difference("order", f"{BTC} by-hand", "works at the venue and is not of this farm")
    assert (first, again) == ([told], [replace(told, seen=2)])
    assert [event for event, _ in memory.tables.audits] == ["reconcile.difference"]
    assert memory.announce.topics == ["system_health"]
    assert memory.venue_account.strangers == [STRANGER]
    assert memory.books.read(NOON).reconciled_at == memory.now()


def test_a_strange_order_in_a_symbol_of_which_we_have_nothing_stays_known_while_it_works(
    memory: MemoryFarm, run: Reconcile
) -> None:
    memory.venue_account.strangers = [STRANGER]

    assert [len(run(full=True, symbols=(BTC,))), len(run()), len(run())] == [1, 1, 1]
    assert [event for event, _ in memory.tables.audits] == ["reconcile.difference"]
    memory.venue_account.strangers = []
    assert len(run()) == 1
    memory.now.pass_by(seconds=30)
    assert run() == []


def test_a_run_that_dies_while_it_tells_leaves_the_telling_to_the_next(
    memory: MemoryFarm, run: Reconcile, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.venue_account.strangers = [STRANGER]
    with monkeypatch.context() as patched:
        patched.setattr(memory.audits, "write", away)
        with pytest.raises(DatabaseError):
            run(full=True, symbols=(BTC,))

    run(full=True, symbols=(BTC,))

    assert [event for event, _ in memory.tables.audits] == ["reconcile.difference"]


def test_an_order_that_ended_here_and_works_there_is_told(memory: MemoryFarm, run: Reconcile) -> None:
    memory.trading.last = Decimal(120)
    placed(memory, type=OrderType.LIMIT)
    memory.tables.orders["ORDER1"] = replace(memory.orders.get("ORDER1"), state=OrderState.CANCELLED)

    [told] = run()

    assert told.told == "works at the venue and is cancelled here"


def test_strange_fills_are_told_and_stay_told_until_a_whole_look_does_not_see_them(
    memory: MemoryFarm, run: Reconcile
) -> None:
    placed(memory)
    run()
    memory.now.pass_by(seconds=30)
    memory.venue_account.strange_fills.append(
        a_fill("hand-1", exchange_order_id="venue-99", amount=Decimal("0.1"), at=memory.now())
    )
    [told] = [one for one in run() if one.kind == "fills"]
    assert (told.subject, told.told) == (f"{BTC} venue-99", "buy 0.1 was filled for an order not of this farm")

    memory.venue_account.strange_fills.clear()

    assert [one.kind for one in run()] == ["fills"]
    assert run(full=True) == []


def test_a_drift_is_told_when_it_was_seen_twice(memory: MemoryFarm, run: Reconcile) -> None:
    memory.trading.balances["USDT"] -= 50

    run()
    assert memory.tables.audits == []
    run()
    run()

    [(event, data)] = memory.tables.audits
    assert (event, data["subject"], data["told"]) == (
        "reconcile.difference",
        "USDT",
        "9950 at the venue, 10000 here",
    )
    assert memory.tables.cash == 10_000


@pytest.mark.parametrize(("coins", "sure"), [("1.005", False), ("1.02", True), ("0.5", True)])
def test_coins_may_differ_by_as_much_as_the_tolerance(
    memory: MemoryFarm, run: Reconcile, coins: str, sure: bool
) -> None:
    placed(memory)
    run()
    memory.prices.heard[BTC] = (100.0, 0)
    memory.trading.balances["BTC"] = Decimal(coins)

    run()

    assert any(one.is_sure for one in run()) is sure


def test_coins_without_a_price_must_be_the_same(memory: MemoryFarm, run: Reconcile) -> None:
    placed(memory)
    run()
    memory.trading.balances["BTC"] = Decimal("1.0001")

    assert [one.subject for one in run()] == ["BTC"]


def test_only_a_whole_look_asks_for_past_orders_and_only_where_an_order_lives(
    memory: MemoryFarm, run: Reconcile
) -> None:
    memory.trading.last = Decimal(120)
    placed(memory, type=OrderType.LIMIT)
    run()
    memory.venue_account.asked.clear()

    memory.now.pass_by(seconds=30)
    run()
    assert "orders" not in memory.venue_account.asked
    run(full=True)
    assert memory.venue_account.asked.count("orders") == 1

    memory.trading.cancel(memory.orders.get("ORDER1"))
    run(full=True)
    run(full=True)
    assert memory.venue_account.asked.count("orders") == 2


def test_an_order_that_nobody_has_claimed_is_not_looked_for(memory: MemoryFarm, run: Reconcile) -> None:
    memory.given(an_order())

    run()

    assert memory.trading.looked_up == 0


# On a busy farm


def resting(memory: MemoryFarm) -> None:
    """An order that never fills, so that something is always under way."""
    memory.trading.last = Decimal(120)
    placed(memory, "RESTING", type=OrderType.LIMIT, trade_id=9, signal_key="resting", price=Decimal(50))
    memory.trading.last = Decimal(100)


def bought(memory: MemoryFarm, number: int) -> None:
    """An order that fills now, and is not settled yet."""
    wanted = {"trade_id": number, "signal_key": f"buy-{number}", "amount": Decimal("0.5"), "expires_at": NOON + DAY}
    placed(memory, f"BUY{number}", **wanted)
    [fill] = memory.trading.orders[f"BUY{number}"].fills
    memory.trading.orders[f"BUY{number}"] = replace(
        memory.trading.orders[f"BUY{number}"], fills=(replace(fill, at=memory.now()),)
    )


def told(memory: MemoryFarm) -> list[str]:
    """What was audited as a difference."""
    return [data["subject"] for event, data in memory.tables.audits if event == "reconcile.difference"]


def test_a_drift_is_seen_though_an_order_is_stuck(memory: MemoryFarm, run: Reconcile) -> None:
    resting(memory)
    memory.trading.balances["USDT"] -= 50

    for _ in range(8):
        run()
        memory.now.pass_by(seconds=10)

    assert told(memory) == ["USDT"]


@pytest.mark.parametrize(("taken", "drifts"), [(0, []), (50, ["USDT"])])
def test_while_orders_fill_all_the_time_a_drift_is_seen_and_what_is_under_way_is_none(
    memory: MemoryFarm, run: Reconcile, settle: Callable[[str], object], taken: int, drifts: list[str]
) -> None:
    resting(memory)
    memory.trading.balances["USDT"] -= taken
    account = memory.venue_account
    for number in range(1, 80):
        memory.now.pass_by(seconds=1)
        if number > 1:
            settle(f"BUY{number - 1}")  # each order is settled a second after it filled
        bought(memory, number)
        memory.now.pass_by(seconds=number % 3 * 0.2)  # now and then just when balances are asked for
        if number % 5 == 0:
            run()

    assert account.asked.count("balances") == 15
    assert told(memory) == drifts


def test_balances_that_were_asked_for_long_ago_are_not_compared(memory: MemoryFarm, run: Reconcile) -> None:
    resting(memory)
    memory.trading.balances["USDT"] -= 50
    run()
    memory.trading.balances["USDT"] += 50
    memory.now.pass_by(minutes=11)

    assert run() == []
    assert memory.tables.balances is not None
    assert memory.tables.balances.since == memory.now()


def test_balances_wait_until_what_they_contain_is_booked(memory: MemoryFarm, run: Reconcile) -> None:
    resting(memory)
    run()
    asked = memory.tables.balances

    memory.now.at += BOOKED - SECOND
    run()
    assert memory.tables.balances == asked
    memory.now.pass_by(seconds=1)
    run()
    assert memory.tables.balances != asked


# With more symbols than turns


def many(memory: MemoryFarm, count: int) -> list[str]:
    """So many symbols, each with an open trade that was ordered just now."""
    symbols = [f"C{number:03d}/USDT" for number in range(count)]
    memory.instruments.save([an_instrument(symbol) for symbol in symbols], {}, NOON)
    for number, symbol in enumerate(symbols, start=1):
        memory.holding(symbol=symbol, number=number, amount="0.1")
        memory.trading.balances[symbol.partition("/")[0]] = Decimal("0.1")
        sent = {"symbol": symbol, "trade_id": number, "signal_key": symbol, "claimed_at": NOON}
        memory.given(an_order(f"O-{symbol}", state=OrderState.FILLED, filled=Decimal("0.1"), **sent))
    memory.books.forget()
    return symbols


class Turns:
    """The documented limits of a venue in virtual time, as the farm's limiter spends them."""

    weights: ClassVar = {"balances": 10, "open_orders": 3, "orders": 10, "fills": 10, "look": 10}

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now, self._spent = now, dict[str, Window]()
        self.budget = Budget(400)

    def __call__(self, question: str, pressing: bool) -> None:
        self.take(question, question, Priority.BOOKS if pressing else Priority.DATA)

    def take(self, endpoint: str, question: str, priority: Priority) -> None:
        """RateLimited without a turn."""
        window = self._spent.setdefault(endpoint, Window(self.budget.window_ms))
        ms = round((self._now() - NOON).total_seconds() * 1000)
        if window.take(self.weights[question], self.budget.ceiling(priority), ms):
            raise RateLimited("no turn", 1.0)


def objection(memory: MemoryFarm) -> str | None:
    """What the rule says to an entry just now."""
    account = memory.ledger.account({}, memory.now())
    signal = a_signal(found_at=memory.now())
    intent = Intent(signal, an_instrument(), Decimal(100), Decimal(1), memory.now(), None)
    return Rule().objection(intent, account)


@dataclass
class Course:
    """Of a farm in virtual time: from when on entries are approved, and for how many seconds they were refused then;
    how many orders have waited most for a look at their fills."""

    began: int | None = None
    refused: int = 0
    waited: int = 0

    def look(self, second: int, objection: str | None) -> None:
        if objection is None:
            self.began = second if self.began is None else self.began
        elif self.began is not None:
            self.refused += 1


def course(memory: MemoryFarm, run: Reconcile, orders_a_minute: int, minutes: int) -> Course:
    """What becomes of a farm that reconciles as beat says and settles so many orders."""
    turns, found, unsettled = Turns(memory.now), Course(), Decimal(0)
    memory.venue_account.turns = turns
    for second in range(minutes * 60):
        unsettled += Decimal(orders_a_minute) / 60
        with suppress(RateLimited):
            while unsettled >= 1:
                turns.take("fills", "look", Priority.ENTRY)
                unsettled -= 1
        found.waited = max(found.waited, int(unsettled))
        if second % 6 == 0:
            run(symbols=list(memory.tables.instruments))
        found.look(second, objection(memory))
        memory.now.pass_by(seconds=1)
    return found


def test_a_farm_with_60_symbols_enters_within_a_minute_and_stays_reconciled(memory: MemoryFarm, run: Reconcile) -> None:
    symbols = many(memory, 60)

    found = course(memory, run, orders_a_minute=60, minutes=70)

    assert found.began is not None
    assert (found.began <= 40, found.refused) == (True, 0)
    assert found.waited <= 12
    cursors = memory.tables.cursors
    assert {symbol for symbol, look in cursors if look is Look.WHOLE} == set(symbols)
    assert all(memory.now() - (cursors[one, Look.WHOLE].done_at or NOON) < timedelta(minutes=75) for one in symbols)


@pytest.mark.parametrize(("count", "orders_a_minute"), [(220, 0), (180, 20), (120, 60)])
def test_as_many_symbols_can_be_followed_as_the_documents_say(
    memory: MemoryFarm, run: Reconcile, count: int, orders_a_minute: int
) -> None:
    many(memory, count)

    found = course(memory, run, orders_a_minute, minutes=10)

    assert found.began is not None
    assert (found.began <= 120, found.refused) == (True, 0)


def test_a_run_goes_on_where_the_one_before_had_no_more_turns(memory: MemoryFarm, run: Reconcile) -> None:
    symbols = many(memory, 3)
    left = [2]

    def spend(question: str, pressing: bool) -> None:
        if question == "fills":
            if not left[0]:
                raise RateLimited("no turn", 1.0)
            left[0] -= 1

    memory.venue_account.turns = spend

    run()
    assert memory.books.read(NOON).progress.waiting == 1
    assert memory.books.read(NOON).reconciled_at is None
    left[0] = 2
    memory.venue_account.pressed.clear()
    run()

    assert memory.venue_account.pressed == [("open_orders", symbols[2]), ("fills", symbols[2])]
    assert memory.books.read(NOON).reconciled_at == memory.now()


def test_a_run_ends_when_it_has_taken_long_enough(memory: MemoryFarm, run: Reconcile) -> None:
    many(memory, 12)
    memory.venue_account.turns = lambda question, pressing: memory.now.pass_by(seconds=0.6)

    run(symbols=[f"D{number}/USDT" for number in range(9)])

    looked = [symbol for symbol, look in memory.tables.cursors if look is Look.WHOLE]
    assert (len(looked), memory.venue_account.asked.count("fills")) == (5, 5)


def test_an_answer_that_does_not_come_ends_the_run_with_what_it_has_seen(memory: MemoryFarm, run: Reconcile) -> None:
    many(memory, 12)

    def fails(question: str, pressing: bool) -> None:
        if memory.venue_account.asked.count("fills") == 7:
            raise Unavailable("no answer")

    memory.venue_account.turns = fails
    run()

    assert memory.books.read(NOON).progress.waiting == 6


def test_without_a_turn_for_balances_the_symbols_are_compared_all_the_same(memory: MemoryFarm, run: Reconcile) -> None:
    resting(memory)
    run()
    waiting = memory.tables.balances

    def spent(question: str, pressing: bool) -> None:
        if question == "balances":
            raise RateLimited("no turn", 1.0)

    memory.venue_account.turns = spent
    memory.books.forget()
    run()

    assert memory.books.read(NOON).reconciled_at == memory.now()
    assert memory.tables.balances == waiting is not None
    memory.now.at += BOOKED
    run()
    assert memory.tables.balances is None


def test_entries_wait_for_what_matters_only_and_dust_is_not_asked_for(memory: MemoryFarm, run: Reconcile) -> None:
    placed(memory)
    run()
    memory.tables.trades[1] = replace(memory.tables.trades[1], status=TradeStatus.CLOSED, left=Decimal("0.0001"))
    memory.now.at += OVERLAP + SECOND
    run()
    memory.venue_account.asked.clear()
    memory.now.pass_by(minutes=1)

    run()

    assert memory.venue_account.asked == ["balances"]
    assert memory.books.read(memory.now()).reconciled_at == memory.now()


def test_what_was_compared_before_a_start_is_asked_for_only_since_then(memory: MemoryFarm, run: Reconcile) -> None:
    placed(memory)
    run()
    memory.now.pass_by(minutes=20)
    memory.books.forget()
    memory.venue_account.asked_since.clear()

    run()

    assert memory.venue_account.asked_since == [NOON - OVERLAP]
    assert memory.books.read(NOON).reconciled_at == memory.now()


def test_more_fills_than_there_are_turns_for_are_booked_over_several_runs(memory: MemoryFarm, run: Reconcile) -> None:
    placed(memory, amount=Decimal(10))
    for number in range(7):
        memory.now.pass_by(minutes=1)
        memory.trading.fill("ORDER1", a_fill(f"more-{number}", amount=Decimal("0.1"), at=memory.now()))
    memory.venue_account.most_fills = 3
    memory.books.forget()

    for runs in range(1, 5):  # noqa: B007 - it is what is asked
        run(settle=lambda name: None)
        if memory.books.read(NOON).reconciled_at is not None:
            break

    assert runs == 4
    assert len(memory.tables.executions) == 8
    assert memory.tables.cursors[BTC, Look.FILLS].done_at == memory.now()


def test_a_whole_look_over_several_runs_does_not_hold_up_the_others(memory: MemoryFarm, run: Reconcile) -> None:
    placed(memory)
    for _ in range(2):
        run()
        memory.now.pass_by(minutes=30)
    memory.venue_account.strange_fills = [
        a_fill(f"hand-{number}", exchange_order_id="by-hand", at=NOON + number * SECOND) for number in range(6)
    ]
    memory.venue_account.most_fills = 4

    run()
    assert memory.tables.cursors[BTC, Look.WHOLE].back_to == NOON + 2 * SECOND
    memory.now.pass_by(seconds=30)
    run()

    assert memory.tables.cursors[BTC, Look.WHOLE].back_to is None
    assert memory.tables.cursors[BTC, Look.FILLS].done_at == memory.now()


# Symbols that the venue lists no more


def test_a_held_symbol_that_is_not_listed_any_more_stops_no_other_and_is_told_once(
    memory: MemoryFarm, run: Reconcile
) -> None:
    symbols = many(memory, 7)
    memory.venue_account.unlisted = {symbols[3]}

    first, again = run(), run(full=True)

    assert [(one.kind, one.subject) for one in first] == [("symbol", symbols[3])]
    assert "does not list" in first[0].told
    assert again == [replace(first[0], seen=2)]
    assert told(memory) == [symbols[3]]
    assert memory.books.read(NOON).reconciled_at == memory.now()

    memory.venue_account.unlisted = set()
    assert run(full=True) == []


def test_a_symbol_that_is_refused_only_for_its_fills_is_told_too(memory: MemoryFarm, run: Reconcile) -> None:
    symbols = many(memory, 2)

    def refuse(question: str, pressing: bool) -> None:
        if question == "fills":
            raise Restricted("not listed", "-1121", "tradable")

    memory.venue_account.turns = refuse

    assert [one.subject for one in run()] == symbols
    assert memory.books.read(NOON).reconciled_at == memory.now()


def test_a_venue_that_refuses_to_tell_of_what_it_lists_opens_nothing(memory: MemoryFarm, run: Reconcile) -> None:
    many(memory, 2)

    def refuse(question: str, pressing: bool) -> None:
        if question == "open_orders":
            raise Refused("illegal parameter", "700008")

    memory.venue_account.turns = refuse

    assert [one.kind for one in run()] == ["symbol", "symbol"]
    assert memory.books.read(NOON).reconciled_at is None


def test_an_order_whose_rules_are_lost_is_not_settled_and_stops_no_other(memory: MemoryFarm, run: Reconcile) -> None:
    memory.trading.last = Decimal(120)
    placed(memory, type=OrderType.LIMIT)
    placed(memory, "ETH", type=OrderType.LIMIT, symbol="ETH/USDT", trade_id=2, signal_key="eth")
    memory.tables.instruments = {}
    memory.books.forget()

    def lost(name: str) -> None:
        raise Missing("the venue has said nothing of it")

    memory.trading.cancel(memory.orders.get("ETH"))
    assert run(settle=lost) == []
    assert memory.books.read(NOON).reconciled_at == memory.now()


# Beyond what the venue tells


def test_an_order_that_lives_longer_than_the_venue_tells_of_it_is_told_until_a_person_ends_it(
    memory: MemoryFarm, run: Reconcile
) -> None:
    placed(memory)
    memory.tables.orders["ORDER1"] = replace(memory.orders.get("ORDER1"), state=OrderState.UNKNOWN)
    memory.trading.orders.clear()
    memory.now.pass_by(days=8)

    [found] = run(settle=lambda name: None)

    assert (found.kind, found.subject, found.is_sure) == ("overdue", f"{BTC} ORDER1", True)
    assert "cdb expire ORDER1" in found.told
    assert memory.orders.get("ORDER1").state is OrderState.UNKNOWN

    memory.orders.expire(memory.orders.get("ORDER1"), "it is not there", memory.now())
    assert "overdue" not in [one.kind for one in run()]


def test_fills_of_an_order_that_nobody_can_ask_for_any_more_are_booked_and_end_it(
    memory: MemoryFarm, run: Reconcile
) -> None:
    memory.trading.last = Decimal(120)
    placed(memory, type=OrderType.LIMIT)
    memory.trading.fill("ORDER1", a_fill("part", amount=Decimal("0.5")), state=OrderState.CANCELLED)
    memory.tables.orders["ORDER1"] = replace(memory.orders.get("ORDER1"), state=OrderState.UNKNOWN)
    memory.now.pass_by(days=8)

    assert run(settle=lambda name: None) == []

    order = memory.orders.get("ORDER1")
    assert (order.state, order.filled) == (OrderState.CANCELLED, Decimal("0.5"))
    assert [level.stop for level in memory.trades.levels()] == [98]


@pytest.mark.parametrize(("days", "gaps"), [(29, []), (40, [BTC])])
def test_a_time_of_which_the_venue_tells_no_fills_any_more_is_told_until_a_person_accepts_it(
    memory: MemoryFarm, run: Reconcile, days: int, gaps: list[str]
) -> None:
    placed(memory)
    run()
    memory.now.pass_by(days=days)

    found = [one for one in run() if one.kind == "gap"]

    assert [one.subject for one in found] == gaps
    assert all("2024-11-20 12:00 UTC and 2024-11-30 12:00 UTC" in one.told for one in found)
    assert [one.subject for one in run() if one.kind == "gap"] == gaps
    assert memory.books.accept_gaps("looked at its export", "ann", memory.now()) == gaps
    assert run() == []


def test_a_position_that_was_at_rest_for_longer_than_a_month_is_no_gap(memory: MemoryFarm, run: Reconcile) -> None:
    placed(memory)
    for _ in range(3):
        memory.now.at += OVERLAP
        run()
    memory.now.at += MONTH + DAY

    assert run() == []


@pytest.mark.parametrize("seed", range(20))
def test_f26_any_number_of_runs_and_restarts_with_faults_is_one_run(
    memory: MemoryFarm, run: Reconcile, seed: int
) -> None:
    chance = Random(seed)
    for number in range(4):
        memory.trading.last = Decimal(chance.choice((90, 120)))
        placed(memory, intent_key(seed, number), trade_id=number + 1, signal_key=f"signal-{number}")
    for _ in range(15):
        memory.now.pass_by(seconds=chance.randint(1, 40))
        if chance.random() < 0.3:
            memory.books.forget()
        if chance.random() < 0.4:
            memory.venue_account.errors.append(Unavailable("no answer"))
        if chance.random() < 0.3:
            memory.trading.answers.append(Unavailable("no answer"))
        try:
            run(full=chance.random() < 0.3)
        except Unavailable:
            continue
    memory.venue_account.errors.clear()
    memory.trading.answers.clear()
    run()
    settled = (dict(memory.tables.orders), dict(memory.tables.trades), memory.tables.cash, memory.tables.executions)

    assert run(full=True) == run() == []

    assert (memory.tables.orders, memory.tables.trades, memory.tables.cash, memory.tables.executions) == settled
    assert memory.tables.cash == memory.trading.balance("USDT")
    held = sum((trade.left for trade in memory.tables.trades.values()), Decimal(0))
    assert held == memory.trading.balance("BTC")
    assert {order.side for order in memory.tables.orders.values()} == {Side.BUY}
