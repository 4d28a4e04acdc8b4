"""Pages of what is kept, on both databases."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app import store as rooms
from app.domain.errors import NotOpenYet
from app.domain.market import microseconds
from app.domain.orders import OrderState, Side
from app.domain.portfolio import Mark
from app.domain.risk import TradingState
from app.domain.unprotected import Spell
from app.store import Database, Listings
from app.store.listings import ORDER_SORTS, TRADE_SORTS, Wanted, steps
from models import EquityRow
from tests.contracts.stores import LATER, StoreUnderTest, sale
from tests.fixtures.memory.builders import NOON

MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(database: Database) -> StoreUnderTest:
    """Every port over one database, with an account."""
    return StoreUnderTest.over(rooms, database).opened()


@pytest.fixture
def listings(database: Database) -> Listings:
    """The pages of the same database."""
    return Listings(database)


def three_orders(store: StoreUnderTest) -> None:
    """A round trip in BTC that won ten, and a waiting entry in ETH."""
    bought = store.holding("one")
    store.settled(store.sent(store.exit(bought.trade_id)), OrderState.FILLED, sale(price=Decimal(110)))
    store.entry("two", symbol="ETH/USDT", price=Decimal(9), created_at=LATER)


def names(listings: Listings, wanted: Wanted) -> list[str]:
    return [order.client_order_id for order in listings.orders(wanted).rows]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), ["O-two", "O-exit-1", "O-one"]),
        (Wanted(descending=False), ["O-one", "O-exit-1", "O-two"]),
        (Wanted(symbol="ETH/USDT"), ["O-two"]),
        (Wanted(state="filled"), ["O-exit-1", "O-one"]),
        (Wanted(side="sell"), ["O-exit-1"]),
        (Wanted(leg="entry"), ["O-two", "O-one"]),
        (Wanted(text="o-ex"), ["O-exit-1"]),
        (Wanted(text="venue"), ["O-exit-1", "O-one"]),
        (Wanted(text="%"), []),
        (Wanted(since=LATER), ["O-two"]),
        (Wanted(until=LATER), ["O-exit-1", "O-one"]),
        (Wanted(sort="price"), ["O-exit-1", "O-one", "O-two"]),
        (Wanted(limit=1, offset=1), ["O-exit-1"]),
    ],
)
def test_orders_are_those_that_were_asked_for(
    store: StoreUnderTest, listings: Listings, wanted: Wanted, found: list[str]
) -> None:
    three_orders(store)

    assert names(listings, wanted) == found


def test_the_total_is_that_of_all_parts(store: StoreUnderTest, listings: Listings) -> None:
    three_orders(store)

    assert listings.orders(Wanted(limit=1)).total == 3
    assert listings.orders(Wanted(limit=1, state="filled")).total == 2
    assert listings.trades(Wanted(limit=1)).total == 2


@pytest.mark.parametrize("sort", ORDER_SORTS)
def test_orders_can_be_sorted_by_every_column_that_is_offered(
    store: StoreUnderTest, listings: Listings, sort: str
) -> None:
    three_orders(store)

    assert sorted(names(listings, Wanted(sort=sort))) == sorted(names(listings, Wanted(sort=sort, descending=False)))


@pytest.mark.parametrize("sort", TRADE_SORTS)
def test_and_trades_too(store: StoreUnderTest, listings: Listings, sort: str) -> None:
    three_orders(store)

    assert {trade.symbol for trade in listings.trades(Wanted(sort=sort)).rows} == {"BTC/USDT", "ETH/USDT"}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(state="closed"), ["BTC/USDT"]),
        (Wanted(symbol="ETH/USDT"), ["ETH/USDT"]),
        (Wanted(strategy="other"), []),
        (Wanted(sort="realised"), ["BTC/USDT", "ETH/USDT"]),
        (Wanted(sort="closed_at", descending=False), ["BTC/USDT", "ETH/USDT"]),
    ],
)
def test_trades_are_those_that_were_asked_for(
    store: StoreUnderTest, listings: Listings, wanted: Wanted, found: list[str]
) -> None:
    three_orders(store)

    assert [trade.symbol for trade in listings.trades(wanted).rows] == found


def test_money_is_sorted_as_numbers_not_as_text(store: StoreUnderTest, listings: Listings) -> None:
    for key, price in (("one", "9"), ("two", "10"), ("three", "100")):
        store.entry(key, symbol=f"{key.upper()}/USDT", price=Decimal(price))

    assert names(listings, Wanted(sort="price")) == ["O-three", "O-two", "O-one"]


def test_open_trades_are_told_with_since_when_they_are_not_protected(store: StoreUnderTest, listings: Listings) -> None:
    three_orders(store)
    number = store.holding("three", symbol="XRP/USDT").trade_id
    store.trades.keep_spells({number: Spell(LATER, 0.0)})

    assert [trade.symbol for trade in listings.open_trades()] == ["XRP/USDT"]
    assert listings.unprotected() == {number: LATER}


def test_events_are_the_newest_that_were_not_seen_and_no_quiet_ones(store: StoreUnderTest, listings: Listings) -> None:
    three_orders(store)
    everything = listings.events(0, 100)

    assert [event.number for event in everything] == sorted((event.number for event in everything), reverse=True)
    assert everything[-1].kind == "account.opened"
    assert listings.events(everything[1].number, 100) == everything[:1]
    assert listings.events(0, 2) == everything[:2]
    assert "order.filled" not in {event.kind for event in listings.events(0, 100, ("order.filled",))}


def marked(database: Database, *values: tuple[int, str, str]) -> None:
    """Equity and drawdown by the second."""
    with database.writing() as session:
        for second, equity, drawdown in values:
            figures = {name: Decimal(equity) for name in ("equity", "cash", "exposure")}
            at = NOON + timedelta(seconds=second)
            session.add(EquityRow(timestamp=at, drawdown=Decimal(drawdown), **figures))


def test_a_stretch_of_the_curve_tells_its_end_and_the_worst_within_it(database: Database, listings: Listings) -> None:
    marked(database, (0, "100", "0"), (20, "90", "0.1"), (50, "99", "0.01"), (60, "101", "0"))

    first, second = listings.curve(NOON, NOON + MINUTE, MINUTE)

    assert (first.at, first.equity) == (NOON + timedelta(seconds=50), Decimal(99))
    assert (first.lowest, first.drawdown) == (90.0, 0.1)
    assert (second.at, second.equity) == (NOON + MINUTE, Decimal(101))
    assert listings.began() == NOON


def test_a_curve_ends_where_it_was_asked_to(database: Database, listings: Listings) -> None:
    marked(database, (0, "100", "0"), (60, "101", "0"))

    assert len(listings.curve(NOON, NOON + timedelta(seconds=59), timedelta(seconds=1))) == 1
    assert listings.curve(LATER, NOON + timedelta(seconds=59), timedelta(seconds=1)) == []


def test_without_an_account_there_is_nothing_to_begin_with(database: Database, listings: Listings) -> None:
    assert listings.began() is None
    with pytest.raises(NotOpenYet):
        listings.standing({}, NOON)


@pytest.mark.parametrize("seconds", [0, 1, 599, 600, 601, 86_400, 30 * 86_400])
def test_a_step_keeps_a_curve_short(seconds: int) -> None:
    step = steps(NOON, NOON + timedelta(seconds=seconds), 600)

    begin, end = microseconds(NOON), microseconds(NOON + timedelta(seconds=seconds))
    assert end // (step // timedelta(microseconds=1)) - begin // (step // timedelta(microseconds=1)) < 600


def test_fills_are_the_newest_of_the_symbol_with_their_leg(store: StoreUnderTest, listings: Listings) -> None:
    three_orders(store)

    fills = listings.fills("BTC/USDT", NOON - MINUTE, NOON + MINUTE, 10)

    assert [(fill.side, fill.leg, int(fill.price)) for fill in fills] == [
        (Side.BUY, "entry", 100),
        (Side.SELL, "stop_loss", 110),
    ]
    assert [fill.side for fill in listings.fills("BTC/USDT", NOON - MINUTE, NOON + MINUTE, 1)] == ["sell"]
    assert listings.fills("ETH/USDT", NOON - MINUTE, NOON + MINUTE, 10) == []


def test_the_account_stands_at_these_prices_with_who_set_its_state(store: StoreUnderTest, listings: Listings) -> None:
    store.holding()
    store.ledger.set_state(TradingState.REDUCING, "thin", "ann", LATER)

    standing = listings.standing({"BTC/USDT": Mark(Decimal(120), LATER)}, LATER)

    assert (standing.account.state, standing.reason, standing.by, standing.since) == ("REDUCING", "thin", "ann", LATER)
    assert standing.account.exposure == 120
    assert standing.account.equity == Decimal("10019.95")


def test_what_was_paid_in_is_the_same_whatever_trades_make_of_it(store: StoreUnderTest, listings: Listings) -> None:
    three_orders(store)

    assert listings.paid_in() == 10_000
