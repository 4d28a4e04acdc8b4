"""Balances beside books in which orders fill all the time: what was under way is no drift, and hides none for long."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.balances import BOOKED, WORTH, Balances, Move, compared, move
from app.domain.orders import Side
from tests.fixtures.memory.builders import NOON

D = Decimal
SECOND = timedelta(seconds=1)
ASKED = timedelta(milliseconds=200)
PRICES = {"USDT": D(1), "BTC": D(100)}


def there(**amounts: str) -> Balances:
    """What the venue said at noon."""
    return Balances(NOON, NOON + ASKED, {name: D(amount) for name, amount in amounts.items()})


def differing(ours: dict[str, Decimal], moves: list[Move], balances: Balances) -> list[tuple[str, Decimal, Decimal]]:
    return list(compared(ours, moves, balances, PRICES, D(1)).differing)


def test_a_fill_moves_both_coins_and_its_fee() -> None:
    bought = move("BTC/USDT", Side.BUY, D(100), D(2), D("0.1"), "USDT", NOON)
    sold = move("BTC/USDT", Side.SELL, D(100), D(2), D("0.1"), "USDT", NOON)
    in_base = move("BTC/USDT", Side.BUY, D(100), D(2), D("0.001"), "BTC", NOON)
    in_third = move("BTC/USDT", Side.BUY, D(100), D(2), D("0.5"), "MX", NOON)

    assert bought.amounts == {"BTC": D(2), "USDT": D("-200.1")}
    assert sold.amounts == {"BTC": D(-2), "USDT": D("199.9")}
    assert in_base.amounts == {"BTC": D("1.999"), "USDT": D(-200)}
    assert in_third.amounts == {"BTC": D(2), "USDT": D(-200), "MX": D("-0.5")}


def test_what_filled_after_the_balances_were_asked_for_is_taken_back() -> None:
    later = Move(NOON + 5 * SECOND, {"USDT": D(-200), "BTC": D(2)})

    assert differing({"USDT": D(800), "BTC": D(2)}, [later], there(USDT="1000")) == []
    assert differing({"USDT": D(800), "BTC": D(2)}, [], there(USDT="1000")) == [
        ("BTC", D(0), D(2)),
        ("USDT", D(1000), D(800)),
    ]


def test_what_filled_before_is_in_both() -> None:
    before = Move(NOON - 5 * SECOND, {"USDT": D(-200)})

    assert differing({"USDT": D(800)}, [before], there(USDT="800")) == []


@pytest.mark.parametrize("told", ["1000", "900", "750"])
def test_what_filled_just_then_may_be_in_them_or_not_and_is_unclear(told: str) -> None:
    moves = [Move(NOON + ASKED / 4, {"USDT": D(-100)}), Move(NOON + ASKED / 2, {"USDT": D(-150)})]

    verdict = compared({"USDT": D(750)}, moves, there(USDT=told), PRICES, D(1))

    assert (list(verdict.differing), verdict.unclear) == ([], frozenset({"USDT"}))


def test_what_no_order_of_the_fills_explains_differs_from_the_nearest() -> None:
    moves = [Move(NOON + ASKED / 2, {"USDT": D(-100)})]

    assert differing({"USDT": D(900)}, moves, there(USDT="940")) == [("USDT", D(940), D(900))]


def test_a_fill_of_another_coin_makes_nothing_unclear() -> None:
    moves = [Move(NOON + ASKED / 2, {"ETH": D(1)})]

    assert compared({"USDT": D(1000)}, moves, there(USDT="1000"), PRICES, D(1)).unclear == frozenset()


def test_balances_are_ripe_when_all_that_they_contain_is_booked_and_not_for_ever() -> None:
    balances = there()
    ages = [timedelta(0), BOOKED - SECOND, BOOKED, WORTH - SECOND, WORTH]

    assert [balances.is_ripe(balances.until + age) for age in ages] == [False, False, True, True, False]


@given(
    fills=st.lists(st.tuples(st.integers(-3000, 3000), st.integers(-500, 500)), max_size=12),
    seen_ms=st.integers(0, 200),
    lost=st.integers(-5000, 5000),
)
def test_books_without_a_mistake_never_differ_and_a_mistake_shows_unless_a_fill_explains_it(
    fills: list[tuple[int, int]], seen_ms: int, lost: int
) -> None:
    """The venue reads its balance at some instant of the question; ours holds all fills by now."""
    moves = [Move(NOON + ms * SECOND / 1000, {"USDT": D(amount)}) for ms, amount in fills]
    asked_at = NOON + seen_ms * SECOND / 1000
    theirs = D(10_000) + sum((one.amounts["USDT"] for one in moves if one.at <= asked_at), D(0))
    ours = D(10_000) + sum((one.amounts["USDT"] for one in moves), D(0))

    assert differing({"USDT": ours}, moves, there(USDT=str(theirs))) == []
    wrong = compared({"USDT": ours}, moves, there(USDT=str(theirs - lost)), PRICES, D(1))
    assert wrong.differing or wrong.unclear or abs(lost) <= 1
