"""Reconciliation: what is ours is booked, what is strange or has drifted is told once, and n runs are one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from random import Random

import pytest

from app.domain.errors import Unavailable
from app.domain.orders import OrderState, OrderType, Side, intent_key
from app.domain.protection import Protection
from app.domain.reconciliation import Difference, VenueOrder
from app.steps.place_order import place_order
from app.steps.reconcile import reconcile
from app.steps.settle_order import settle_order
from app.store import DatabaseError
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import BTC, NOON, a_fill, an_order

Reconcile = Callable[..., list[Difference]]
SECOND = timedelta(seconds=1)
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
    def once(*, full: bool = False, symbols: tuple[str, ...] = ()) -> list[Difference]:
        return reconcile(
            venue=memory.venue_account,
            books=memory.books,
            prices=memory.prices,
            audits=memory.audits,
            settle=settle,
            announce=memory.announce,
            currency="USDT",
            symbols=symbols,
            tolerance=Decimal(1),
            full=full,
            now=memory.now,
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


def test_fills_that_cannot_be_booked_leave_the_books_unreconciled(memory: MemoryFarm, run: Reconcile) -> None:
    placed(memory)
    memory.books.forget()
    memory.trading.answers += [Unavailable("no answer")]

    run()
    assert memory.books.read(NOON).reconciled_at is None

    run()
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


def test_strange_fills_are_told_and_stay_told_until_a_full_run_does_not_see_them(
    memory: MemoryFarm, run: Reconcile
) -> None:
    placed(memory)
    run()
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


def test_balances_are_not_compared_while_an_order_is_live(memory: MemoryFarm, run: Reconcile) -> None:
    memory.trading.balances["USDT"] -= 50
    run()
    memory.trading.last = Decimal(120)
    placed(memory, type=OrderType.LIMIT)

    assert [(one.subject, one.seen) for one in run()] == [("USDT", 1)]


def test_only_a_full_run_asks_for_past_orders(memory: MemoryFarm, run: Reconcile) -> None:
    placed(memory)
    run()
    memory.venue_account.asked.clear()

    run()
    assert "orders" not in memory.venue_account.asked
    run(full=True)
    assert "orders" in memory.venue_account.asked


def test_an_order_that_nobody_has_claimed_is_not_looked_for(memory: MemoryFarm, run: Reconcile) -> None:
    memory.given(an_order())

    run()

    assert memory.trading.looked_up == 0


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
