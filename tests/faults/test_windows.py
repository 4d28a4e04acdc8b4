"""What the venue tells only for a time: 7 days of orders, a month of fills. What is older is told, never assumed."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.domain.looks import Look
from app.domain.market import microseconds
from app.domain.orders import LIVE, Order, OrderState, OrderType
from tests.faults.laboratory import BTC, ETH, Laboratory
from tests.fixtures.memory.builders import an_instrument

S = OrderState
Make = Callable[..., Laboratory]
DAY = timedelta(days=1)
GONE = "GONE/USDT"


def silent(name: str) -> None:
    """A settlement to which the venue says nothing that proves anything."""


def sent_and_never_heard_of(lab: Laboratory, **changes: object) -> Order:
    """An entry that the venue has; whoever sent it was killed at once."""
    name = lab.entry(**changes)  # type: ignore[arg-type]
    claimed = lab.orders.claim(name, at=lab.now(), lease=timedelta(0))
    assert claimed is not None
    lab.trading.submit(claimed, signed_at=lab.now())
    return lab.orders.doubt(claimed, "whoever was sending it fell silent", lab.now())


def off_for(lab: Laboratory, days: float) -> None:
    """The farm was stopped for so long, and starts again."""
    lab.clock.go_on(days * DAY)
    lab.restart()
    lab.refresh()
    lab.tick(100)
    lab.books.forget()


@pytest.mark.parametrize("days", [1, 8, 29])
def test_what_an_order_filled_is_booked_and_protected_however_long_the_farm_was_off(
    laboratory: Make, days: float
) -> None:
    lab = laboratory()
    order = sent_and_never_heard_of(lab)
    off_for(lab, days)

    assert lab.reconcile() == []

    assert (lab.orders.get(order.client_order_id).state, lab.executions()) == (S.FILLED, 1)
    assert lab.books.read(lab.now()).reconciled_at == lab.now()
    assert [(level.symbol, level.stop and level.stop > 97) for level in lab.trades.levels()] == [(BTC, True)]


def test_a_fill_of_an_order_that_counted_as_absent_is_booked_after_8_days(laboratory: Make) -> None:
    lab = laboratory()
    order = sent_and_never_heard_of(lab)
    lab.clock.go_on(8 * DAY)
    lab.orders.expire(order, "the venue has not got it", lab.now())
    off_for(lab, 0)

    lab.reconcile()

    assert lab.orders.get(order.client_order_id).filled > 0
    assert [level.symbol for level in lab.trades.levels()] == [BTC]


def test_what_one_order_filled_in_part_is_booked_and_it_ends_when_the_venue_tells_no_more(laboratory: Make) -> None:
    lab = laboratory()
    lab.venue.fail("partial_fills", share="0.5")
    order = sent_and_never_heard_of(lab)
    lab.venue.heal()
    off_for(lab, 9)

    assert lab.reconcile() == []

    ended = lab.orders.get(order.client_order_id)
    assert (ended.state, 0 < ended.filled < ended.amount) == (S.CANCELLED, True)


def test_an_order_that_never_filled_is_told_until_a_person_ends_it(laboratory: Make) -> None:
    lab = laboratory()
    lab.venue.fail("no_fills")
    order = sent_and_never_heard_of(lab)
    off_for(lab, 9)

    [told] = lab.reconcile(settle=silent)

    assert (told.kind, told.subject) == ("overdue", f"{BTC} {order.client_order_id}")
    assert lab.orders.get(order.client_order_id).state in LIVE
    assert lab.ledger.account({}, lab.now()).reserved == order.reserved
    lab.orders.expire(order, "its pages show that nothing was filled", lab.now())
    assert lab.reconcile() == []
    assert lab.ledger.account({}, lab.now()).reserved == 0


def test_an_order_that_works_there_for_weeks_is_no_stranger_and_is_told(laboratory: Make) -> None:
    lab = laboratory()
    lab.prices.heard[BTC] = (50.0, microseconds(lab.now()))
    order = sent_and_never_heard_of(lab, order_type=OrderType.LIMIT)
    off_for(lab, 9)

    assert [(one.kind, one.subject) for one in lab.reconcile(settle=silent)] == [
        ("overdue", f"{BTC} {order.client_order_id}")
    ]


def test_what_was_filled_longer_than_a_month_ago_is_a_gap_that_a_person_accepts(laboratory: Make) -> None:
    lab = laboratory()
    order = sent_and_never_heard_of(lab)
    off_for(lab, 40)

    told = {one.kind for one in lab.reconcile(settle=silent)}

    assert told == {"overdue", "gap"}
    assert lab.orders.get(order.client_order_id).state in LIVE
    assert lab.executions() == 0
    lab.orders.expire(order, "its fill is in the export", lab.now())
    assert {one.kind for one in lab.reconcile()} == {"gap", "balance"}
    lab.books.accept_gaps("and was sold by hand", "ann", lab.now())
    assert {one.kind for one in lab.reconcile()} == {"balance"}


def test_a_symbol_that_is_listed_no_more_is_told_and_the_others_are_compared(laboratory: Make) -> None:
    lab = laboratory()
    lab.holding(ETH)
    order = sent_and_never_heard_of(lab)
    records = {symbol: record for symbol, record in lab.instruments.markets().items() if symbol != BTC}
    lab.instruments.save([lab.instruments.get(ETH)], records, lab.now())
    lab.restart()
    lab.books.forget()

    told = lab.reconcile()

    assert [(one.kind, one.subject) for one in told] == [("symbol", BTC)]
    books = lab.books.read(lab.now())
    assert books.reconciled_at == books.cursors[ETH, Look.FILLS].done_at == lab.now()
    assert lab.orders.get(order.client_order_id).state is S.UNKNOWN
    lab.refresh()
    lab.restart()
    assert lab.reconcile(full=True) == []  # listed again: the fill is booked
    assert lab.orders.get(order.client_order_id).state is S.FILLED


def test_late_fills_of_a_symbol_that_left_our_rules_can_still_be_booked(laboratory: Make) -> None:
    lab = laboratory()
    order = sent_and_never_heard_of(lab)
    lab.instruments.save([lab.instruments.get(ETH)], {}, lab.now())

    lab.reconcile()

    assert lab.orders.get(order.client_order_id).state is S.FILLED


def test_a_symbol_that_the_venue_itself_knows_no_more_spoils_it_for_no_other(laboratory: Make) -> None:
    lab = laboratory()
    gone = an_instrument("GONE/USDT")
    lab.instruments.save(
        [*lab.instruments.all(), gone], {**lab.instruments.markets(), GONE: {"id": "GONEUSDT"}}, lab.now()
    )
    lab.restart()
    lab.prices.heard[GONE] = (100.0, microseconds(lab.now()))
    lab.orders.expire(lab.orders.get(lab.entry(GONE)), "not sent", lab.now())
    lab.holding(ETH)
    lab.books.forget()

    told = lab.reconcile()

    assert [(one.kind, one.subject) for one in told] == [("symbol", GONE)]
    assert lab.books.read(lab.now()).reconciled_at == lab.now()
