"""An order against the market, without a venue."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.orders import Side
from app.simulator.matching import Depth, Kind, Level, Wanted, meet, passed

D = Decimal
TICK, STEP = D("0.01"), D("0.001")
BOOK = Depth(spread_ticks=2, levels=3, notional=D(1000), deeper=D(2)).book(D(100), TICK, STEP)
BUY, SELL = Side.BUY, Side.SELL


def test_a_book_is_made_up_around_the_last_price() -> None:
    assert BOOK.bids == (Level(D("99.99"), D("10.001")), Level(D("99.98"), D("20.004")), Level(D("99.97"), D("40.012")))
    assert [level.price for level in BOOK.asks] == [D("100.01"), D("100.02"), D("100.03")]


def test_a_book_never_bids_nothing() -> None:
    book = Depth(levels=5).book(D("0.02"), TICK, STEP)
    assert [level.price for level in book.bids] == [D("0.02"), D("0.01")]
    assert len(book.asks) == 5


@pytest.mark.parametrize(
    ("wanted", "taken", "rests"),
    [
        (Wanted(Kind.LIMIT, BUY, D(5), D("100.01")), "5", False),
        (Wanted(Kind.LIMIT, BUY, D(50), D("100.01")), "9.999", True),
        (Wanted(Kind.LIMIT, BUY, D(5), D("100.00")), "0", True),
        (Wanted(Kind.LIMIT, SELL, D(15), D("99.98")), "15", False),
        (Wanted(Kind.IOC, BUY, D(50), D("100.02")), "29.995", False),
        (Wanted(Kind.FOK, BUY, D(50), D("100.02")), "0", False),
        (Wanted(Kind.FOK, BUY, D(20), D("100.02")), "20", False),
        (Wanted(Kind.MAKER, BUY, D(5), D("100.01")), "0", False),
        (Wanted(Kind.MAKER, BUY, D(5), D("100.00")), "0", True),
        (Wanted(Kind.MARKET, SELL, D(1000)), "70.017", False),
        (Wanted(Kind.MARKET, BUY, budget=D(500)), "4.999", False),
        (Wanted(Kind.MARKET, SELL, budget=D(500)), "5", False),
    ],
)
def test_each_kind_of_order_takes_what_it_may(wanted: Wanted, taken: str, rests: bool) -> None:
    meeting = meet(wanted, BOOK, STEP)
    assert (meeting.quantity, meeting.rests) == (D(taken), rests)


def test_the_best_price_comes_first() -> None:
    meeting = meet(Wanted(Kind.MARKET, BUY, D(20)), BOOK, STEP)
    assert [level.price for level in meeting.taken] == [D("100.01"), D("100.02")]
    assert meeting.worth == D("100.01") * D("9.999") + D("100.02") * D("10.001")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": Kind.LIMIT, "side": BUY, "quantity": D(1)},
        {"kind": Kind.MARKET, "side": BUY, "quantity": D(1), "limit": D(1)},
        {"kind": Kind.MARKET, "side": BUY},
        {"kind": Kind.MARKET, "side": BUY, "quantity": D(1), "budget": D(1)},
    ],
)
def test_an_order_that_cannot_be_is_refused_at_birth(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="order"):
        Wanted(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("side", "price", "filled"),
    [(BUY, "99.99", "5"), (BUY, "100", "2"), (BUY, "100.01", "0"), (SELL, "100.01", "5"), (SELL, "99.99", "0")],
)
def test_a_resting_order_fills_when_the_market_reaches_it(side: Side, price: str, filled: str) -> None:
    assert passed(side, D(100), D(5), D(price), D(2)) == D(filled)


@given(
    st.sampled_from(list(Kind)),
    st.sampled_from(list(Side)),
    st.decimals("0.001", "500", places=3),
    st.decimals("99", "101", places=2),
)
def test_no_order_takes_more_or_pays_worse_than_it_wants(kind: Kind, side: Side, quantity: D, limit: D) -> None:
    meeting = meet(Wanted(kind, side, quantity, None if kind is Kind.MARKET else limit), BOOK, STEP)
    assert meeting.quantity <= quantity
    for level in meeting.taken:
        assert kind is Kind.MARKET or (level.price <= limit if side is BUY else level.price >= limit)
