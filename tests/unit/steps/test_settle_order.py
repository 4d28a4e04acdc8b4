"""An order is followed to its end by what the venue proves, never by its silence."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.errors import Denied, RateLimited, Refused, Unavailable, VenueError
from app.domain.orders import OUT_OF_REACH, TERMINAL, Leg, Order, OrderState, OrderType, Side
from app.domain.portfolio import TradeStatus
from app.domain.protection import Protection
from app.steps.place_order import place_order
from app.steps.settle_order import settle_order
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import NOON, a_fill, a_report, an_order

LEASE = timedelta(seconds=10)
UNTIL = NOON + timedelta(seconds=5)
READ_LAG = timedelta(seconds=2)
PROVED_S = 8.001  # the window, the second that clocks may be apart, and the read lag; and then it has passed
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
            read_lag=READ_LAG,
            order_timeout=timedelta(seconds=60),
        )

    def _count(self) -> None:
        self.levels_changed += 1


@pytest.fixture
def settle(memory: MemoryFarm) -> Settling:
    return Settling(memory)


def at_venue(farm: MemoryFarm, state: OrderState = S.OPEN, **changes: object) -> Order:
    """An order that was claimed at noon and has its claim behind it."""
    order = an_order(state=state, claimed_at=NOON, lease_until=NOON + LEASE, acceptable_until=UNTIL, attempts=1)
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


@pytest.mark.parametrize("age_s", [0, 7, 8])
def test_f2_not_found_proves_nothing_while_the_request_may_be_under_way(
    memory: MemoryFarm, settle: Settling, age_s: float
) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.now.pass_by(seconds=age_s)

    assert settle() is None

    assert state_of(memory) is S.UNKNOWN
    assert memory.hand_on.calls == [("settle", "ORDER1")]
    assert memory.trading.searched == 0  # a search is dear, and one that comes too early is in vain


def test_an_order_is_absent_once_its_window_is_over_and_no_answer_shows_it(
    memory: MemoryFarm, settle: Settling
) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.now.pass_by(seconds=PROVED_S)

    assert settle() is None

    assert (memory.trading.looked_up, memory.trading.searched) == (1, 1)
    assert state_of(memory) is S.APPROVED
    assert memory.hand_on.calls == [("order", "ORDER1")]


@pytest.mark.parametrize(("off_s", "proved"), [(0, True), (0.9, False), (3600, False), (-3600, True)])
def test_f20_the_proof_is_by_the_venues_clock_however_wrong_ours_was_at_the_claim(
    memory: MemoryFarm, settle: Settling, off_s: float, proved: bool
) -> None:
    """The request was signed with a time that was so much too late (or early), and is acceptable for as much longer."""
    at_venue(memory, S.UNKNOWN, acceptable_until=UNTIL + timedelta(seconds=off_s))
    memory.now.pass_by(seconds=PROVED_S)

    settle()

    assert state_of(memory) is (S.APPROVED if proved else S.UNKNOWN)


@pytest.mark.parametrize(("passed_s", "proved"), [(7, False), (8, False), (9, True)])
def test_f20_a_clock_of_ours_that_runs_ahead_proves_nothing(
    memory: MemoryFarm, settle: Settling, passed_s: float, proved: bool
) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.trading.ahead = timedelta(seconds=-10)  # ours has leapt since the claim
    memory.now.pass_by(seconds=10 + passed_s)

    settle()

    assert memory.trading.searched == 1
    assert state_of(memory) is (S.APPROVED if proved else S.UNKNOWN)


def test_a_claim_without_a_stamp_is_given_a_minute_more(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.UNKNOWN, acceptable_until=None, expires_at=NOON + timedelta(hours=1))
    memory.now.pass_by(seconds=60 + 8)
    settle()
    assert state_of(memory) is S.UNKNOWN

    memory.now.pass_by(seconds=1)
    settle()

    assert state_of(memory) is S.APPROVED


def test_an_order_that_a_search_shows_is_booked(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.now.pass_by(seconds=PROVED_S)
    memory.trading.answers = [None, a_report(S.FILLED, a_fill())]

    assert settle() == "ORDER1"
    assert (state_of(memory), memory.tables.trades[1].left) == (S.FILLED, Decimal(1))


def test_an_absent_order_that_is_too_old_expires(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.now.pass_by(seconds=30)

    assert settle() == "ORDER1"
    assert (state_of(memory), memory.tables.trades[1].status) == (S.EXPIRED, TradeStatus.VOID)


def test_an_unknown_order_beyond_the_venues_reach_is_held_and_told_once(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.now.pass_by(days=8)
    memory.trading.forgets = True

    assert [settle() for _ in range(3)] == [None] * 3

    assert (state_of(memory), memory.orders.get("ORDER1").reason) == (S.UNKNOWN, OUT_OF_REACH)
    assert memory.ledger.account({}, NOON).reserved == 100
    [(topic, told)] = memory.announce.told
    assert (topic, told["client_order_id"], told["event"]) == ("system_health", "ORDER1", "order.held")
    assert "cdb expire" in told["cure"]
    assert [event for event, _ in memory.tables.audits].count("order.held") == 1
    assert memory.hand_on.calls == []


def test_a_fill_of_an_order_beyond_the_venues_reach_settles_it(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.now.pass_by(days=8)
    memory.trading.forgets = True
    memory.trading.answers = [None, a_report(S.CANCELLED, a_fill(amount=Decimal("0.4")))]

    assert settle() == "ORDER1"

    assert state_of(memory) is S.CANCELLED
    assert memory.tables.trades[1].left == Decimal("0.4")
    assert memory.ledger.account({}, NOON).reserved == 0


@pytest.mark.parametrize("state", [S.OPEN, S.PARTIALLY_FILLED, S.CANCELLED, S.EXPIRED])
def test_what_the_venue_does_not_show_any_more_is_searched_for_after_a_while(
    memory: MemoryFarm, settle: Settling, state: OrderState
) -> None:
    at_venue(memory, state)
    memory.now.pass_by(seconds=61)
    memory.trading.answers = [None, a_report(S.CANCELLED, a_fill(amount=Decimal("0.4")))]

    assert settle() == "ORDER1"
    assert memory.tables.trades[1].left == Decimal("0.4")


def test_an_order_that_a_restored_database_holds_for_unsent_is_asked_for(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.EXPIRED, claimed_at=None, acceptable_until=None, attempts=0)
    memory.trading.answers = [a_report(S.FILLED, a_fill())]

    assert settle() == "ORDER1"
    assert (state_of(memory), memory.tables.trades[1].left) == (S.EXPIRED, Decimal(1))


@pytest.mark.parametrize("age_s", [30, 61])
def test_an_accepted_order_is_never_absent(memory: MemoryFarm, settle: Settling, age_s: float) -> None:
    at_venue(memory, S.OPEN)
    memory.now.pass_by(seconds=age_s)

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


def test_f3_a_search_without_an_answer_proves_nothing_either(memory: MemoryFarm, settle: Settling) -> None:
    at_venue(memory, S.UNKNOWN)
    memory.now.pass_by(seconds=PROVED_S)
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
