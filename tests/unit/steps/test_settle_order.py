"""An order is followed to its end by what the venue proves, never by its silence."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.errors import Denied, RateLimited, Refused, Unavailable, VenueError
from app.domain.orders import TERMINAL, Leg, Order, OrderState, OrderType, Side
from app.domain.portfolio import TradeStatus
from app.domain.protection import Protection
from app.steps.place_order import place_order
from app.steps.settle_order import settle_order
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import NOON, a_fill, a_report, an_order

LEASE = timedelta(seconds=10)
S = OrderState


class Settling:
    """The step over a farm in memory; counts how often the levels were told to have changed."""

    def __init__(self, farm: MemoryFarm) -> None:
        self.farm = farm
        self.levels_changed = 0

    def __call__(self) -> str | None:
        return settle_order(
            "ORDER1",
            orders=self.farm.orders,
            trading=self.farm.trading,
            instruments=self.farm.instruments,
            protection=Protection(),
            levels_changed=self._count,
            hand_on=self.farm.hand_on,
            announce=self.farm.announce,
            now=self.farm.now,
            recv_window=timedelta(seconds=5),
            read_lag=timedelta(seconds=2),
            order_timeout=timedelta(seconds=60),
        )

    def _count(self) -> None:
        self.levels_changed += 1


@pytest.fixture
def settle(memory: MemoryFarm) -> Settling:
    return Settling(memory)


def at_venue(farm: MemoryFarm, state: OrderState = S.OPEN, **changes: object) -> Order:
    """An order that was claimed at noon and has its claim behind it."""
    order = an_order(state=state, claimed_at=NOON, lease_until=NOON + LEASE, attempts=1)
    return farm.given(replace(order, **changes))  # type: ignore[arg-type]


def state_of(farm: MemoryFarm) -> OrderState:
    return farm.orders.get("ORDER1").state


def test_a_filled_order_opens_its_protected_trade(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory)
    memory.trading.answers = [a_report(S.FILLED, a_fill())]

    assert settle() == "ORDER1"

    trade = memory.tables.trades[1]
    assert (trade.status, trade.left, trade.stop_price) == (TradeStatus.OPEN, Decimal(1), Decimal(98))
    assert memory.tables.cash == Decimal("9899.95")
    assert settle.levels_changed == 1
    assert memory.announce.topics == ["execution_events"]
    assert memory.hand_on.calls == []


def test_an_order_that_nobody_sent_is_left_alone(memory: MemoryFarm, settle: Settling) -> None:
    memory.given(an_order())

    assert settle() is None
    assert memory.trading.looked_up == 0


def test_a_released_order_is_left_to_whoever_places_it(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.APPROVED)

    assert settle() is None
    assert memory.trading.looked_up == 0


def test_an_order_that_is_being_sent_is_left_to_its_sender(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.SUBMITTING)

    assert settle() is None
    assert (memory.trading.looked_up, state_of(memory)) == (0, S.SUBMITTING)


@pytest.mark.parametrize("lease_until", [NOON + LEASE, None])
def test_an_order_whose_sender_fell_silent_is_looked_for(
    memory: MemoryFarm, settle: Settling, lease_until: object
) -> None:
    at_venue(memory, S.SUBMITTING, lease_until=lease_until)
    memory.now.pass_by(seconds=10)
    memory.trading.answers = [a_report(S.FILLED, a_fill())]

    assert settle() == "ORDER1"
    assert state_of(memory) is S.FILLED


def test_f1_an_order_that_timed_out_but_is_live_is_found_and_not_sent_again(
    memory: MemoryFarm, settle: Settling
) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.trading.answers = [a_report(S.OPEN)]

    settle()

    assert (state_of(memory), memory.trading.sent) == (S.OPEN, [])


def test_f2_not_found_within_the_read_lag_proves_nothing(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.now.pass_by(seconds=7)

    assert settle() is None

    assert state_of(memory) is S.UNKNOWN
    assert memory.hand_on.calls == [("settle", "ORDER1")]


def test_an_order_is_absent_once_its_window_is_over_and_two_answers_say_so(
    memory: MemoryFarm, settle: Settling
) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.now.pass_by(seconds=8)

    assert settle() is None

    assert memory.trading.looked_up == 2
    assert state_of(memory) is S.APPROVED
    assert memory.hand_on.calls == [("order", "ORDER1")]


def test_an_order_that_shows_up_in_the_second_answer_is_not_absent(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.now.pass_by(seconds=8)
    memory.trading.answers = [None, a_report(S.OPEN)]

    settle()

    assert state_of(memory) is S.UNKNOWN
    assert memory.hand_on.calls == [("settle", "ORDER1")]


def test_an_absent_order_that_is_too_old_expires(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.now.pass_by(seconds=30)

    assert settle() == "ORDER1"
    assert (state_of(memory), memory.tables.trades[1].status) == (S.EXPIRED, TradeStatus.VOID)


def test_an_accepted_order_is_never_absent(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.OPEN)
    memory.now.pass_by(seconds=30)

    assert settle() is None
    assert state_of(memory) is S.OPEN


@pytest.mark.parametrize("error", [Unavailable("no route"), Denied("bad key", "check it"), Refused("odd", "1")])
def test_f3_only_an_answer_is_an_answer(memory: MemoryFarm, settle: Settling, error: VenueError) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.now.pass_by(seconds=8)
    memory.trading.answers = [error]

    assert settle() is None

    assert state_of(memory) is S.UNKNOWN
    assert memory.hand_on.delays == [2]


def test_f3_a_second_look_without_an_answer_proves_nothing_either(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.now.pass_by(seconds=8)
    memory.trading.answers = [None, Unavailable("timed out")]

    settle()

    assert state_of(memory) is S.UNKNOWN


def test_a_venue_that_wants_a_pause_gets_it(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory)
    memory.trading.answers = [RateLimited("slow down", 7)]

    settle()

    assert memory.hand_on.delays == [7]


@pytest.mark.parametrize(("age_s", "pause_s"), [(0, 0.2), (0.4, 0.4), (0.8, 0.8), (5, 2)])
def test_pauses_double_from_a_fifth_of_a_second_to_two(
    memory: MemoryFarm, settle: Settling, age_s: float, pause_s: float
) -> None:
    at_venue(memory)
    memory.now.pass_by(seconds=age_s)
    memory.trading.answers = [a_report(S.OPEN)]

    settle()

    assert memory.hand_on.delays == [pause_s]


def test_an_older_order_is_left_to_the_sweep(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory)
    memory.now.pass_by(seconds=10)
    memory.trading.answers = [a_report(S.OPEN)]

    assert settle() is None
    assert memory.hand_on.calls == []


def test_f4_a_fill_after_the_end_is_still_booked(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.CANCELLED)
    memory.trading.answers = [a_report(S.FILLED, a_fill())]

    assert settle() == "ORDER1"

    assert state_of(memory) is S.CANCELLED
    assert memory.tables.trades[1].left == 1
    assert settle.levels_changed == 1


def test_f5_an_order_that_filled_while_it_was_cancelled_counts_as_filled(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory)
    memory.now.pass_by(seconds=61)
    memory.trading.orders["ORDER1"] = a_report(S.OPEN)
    memory.trading.on_cancel = lambda: memory.trading.fill("ORDER1", a_fill())

    assert settle() == "ORDER1"
    assert (state_of(memory), memory.tables.trades[1].left) == (S.FILLED, Decimal(1))


def test_an_order_that_rests_too_long_is_cancelled(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory)
    memory.now.pass_by(seconds=61)
    memory.trading.orders["ORDER1"] = a_report(S.OPEN)

    assert settle() == "ORDER1"
    assert (state_of(memory), memory.tables.trades[1].status) == (S.CANCELLED, TradeStatus.VOID)


def test_a_refused_cancel_is_no_proof_of_anything(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory)
    memory.now.pass_by(seconds=61)
    memory.trading.orders["ORDER1"] = a_report(S.OPEN)

    def refuse() -> None:
        raise Refused("not now", "30000")

    memory.trading.on_cancel = refuse

    assert settle() is None
    assert state_of(memory) is S.OPEN


def test_an_order_that_hides_after_its_cancel_keeps_what_was_known(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory)
    memory.now.pass_by(seconds=61)
    memory.trading.answers = [a_report(S.OPEN), None]

    assert settle() is None
    assert state_of(memory) is S.OPEN


@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_f8_a_stale_open_does_not_bring_an_order_back(memory: MemoryFarm, settle: Settling, end: OrderState) -> None:
    at_venue(memory, end)
    memory.trading.answers = [a_report(S.OPEN)]

    assert settle() == "ORDER1"
    assert (state_of(memory), memory.hand_on.calls) == (end, [])


def test_f8_an_answer_older_than_what_is_booked_changes_nothing(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.PARTIALLY_FILLED, filled=Decimal("0.5"))
    memory.trading.answers = [a_report(S.OPEN)]

    assert settle() is None
    assert state_of(memory) is S.PARTIALLY_FILLED


def test_f14_a_fee_in_base_currency_leaves_less_to_sell(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory)
    fee_in_base = a_fill(commission=Decimal("0.0005"), commission_asset="BTC")
    memory.trading.answers = [a_report(S.FILLED, fee_in_base)]

    settle()

    assert memory.tables.trades[1].left == Decimal("0.9995")


def test_f25_a_fill_that_is_told_twice_is_booked_once(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory)
    half = a_fill(amount=Decimal("0.5"))
    memory.trading.answers = [
        a_report(S.PARTIALLY_FILLED, half),
        a_report(S.FILLED, half, replace(half, venue_trade_id="fill-2")),
    ]

    settle()
    settle()

    assert memory.tables.trades[1].left == 1
    assert len(memory.tables.executions) == 2


def test_an_end_that_brings_no_new_fill_ends_the_order(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory)
    half = replace(a_fill(), amount=Decimal("0.5"))
    memory.trading.answers = [
        a_report(S.PARTIALLY_FILLED, half),
        replace(a_report(S.CANCELLED), filled=half.amount),  # what is booked is not told again
    ]

    settle()
    settle()

    assert (state_of(memory), memory.orders.get("ORDER1").filled) == (S.CANCELLED, half.amount)


def test_an_exit_closes_its_trade(memory: MemoryFarm, settle: Settling) -> None:
    memory.holding()
    at_venue(memory, side=Side.SELL, leg=Leg.STOP_LOSS, reserved=Decimal(0))
    memory.trading.answers = [a_report(S.FILLED, a_fill(side=Side.SELL, price=Decimal(98)))]

    settle()

    trade = memory.tables.trades[1]
    assert (trade.status, trade.exit_price) == (TradeStatus.CLOSED, Decimal(98))


def test_placed_and_settled_is_a_round_trip(memory: MemoryFarm, settle: Settling) -> None:
    memory.given(an_order(type=OrderType.IOC))

    place_order(
        "ORDER1",
        orders=memory.orders,
        trading=memory.trading,
        instruments=memory.instruments,
        hand_on=memory.hand_on,
        lease=LEASE,
        announce=memory.announce,
        now=memory.now,
    )

    assert settle() == "ORDER1"
    assert memory.ledger.account({}, NOON).reserved == 0
