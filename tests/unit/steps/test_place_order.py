"""An approved order goes out once, and what the venue makes of it is kept."""

from datetime import timedelta

import pytest

from app.domain.errors import Denied, RateLimited, Refused, Restricted, Unavailable, Unknown
from app.domain.orders import OrderState
from app.domain.portfolio import TradeStatus
from app.steps.place_order import place_order
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import NOON, an_order

LEASE = timedelta(seconds=10)


def place(farm: MemoryFarm, client_order_id: str = "ORDER1") -> str | None:
    return place_order(
        client_order_id,
        orders=farm.orders,
        trading=farm.trading,
        instruments=farm.instruments,
        hand_on=farm.hand_on,
        lease=LEASE,
        announce=farm.announce,
        now=farm.now,
    )


def test_an_approved_order_is_sent_and_followed(memory: MemoryFarm) -> None:
    memory.given(an_order())

    assert place(memory) == "ORDER1"

    order = memory.orders.get("ORDER1")
    assert (order.state, order.exchange_order_id) == (OrderState.OPEN, "venue-1")
    assert memory.hand_on.calls == [("settle", "ORDER1")]
    assert memory.hand_on.correlation_ids == ["frame-1"]
    assert memory.announce.topics == ["execution_events"]


def test_it_is_signed_with_the_time_of_its_claim(memory: MemoryFarm) -> None:
    memory.given(an_order())
    memory.now.pass_by(seconds=2)

    place(memory)

    assert memory.trading.sent == [("ORDER1", NOON + timedelta(seconds=2))]
    assert memory.orders.get("ORDER1").claimed_at == NOON + timedelta(seconds=2)


def test_f20_it_is_signed_by_the_venues_clock_and_keeps_until_when_that_may_take_it(memory: MemoryFarm) -> None:
    memory.given(an_order())
    memory.trading.ahead = timedelta(minutes=3)

    place(memory)

    stamp = memory.trading.stamp(NOON)
    assert memory.trading.sent == [("ORDER1", stamp.signed_at)]
    assert memory.orders.get("ORDER1").acceptable_until == stamp.acceptable_until
    assert memory.orders.get("ORDER1").claimed_at == NOON


def test_a_name_that_the_venue_has_seen_leaves_the_order_unknown_and_is_looked_for(memory: MemoryFarm) -> None:
    """At the first attempt too: of a restored database, or of another farm on the same account."""
    order = memory.given(an_order())
    memory.trading.submit(order, signed_at=NOON)

    assert place(memory) == "ORDER1"

    assert (memory.orders.get("ORDER1").state, memory.trading.accepted) == (OrderState.UNKNOWN, 1)
    assert memory.ledger.account({}, NOON).reserved == 100
    assert memory.hand_on.calls == [("settle", "ORDER1")]


def test_a_redelivered_order_is_placed_once(memory: MemoryFarm) -> None:
    memory.given(an_order())

    place(memory)

    assert place(memory) is None
    assert len(memory.trading.sent) == 1


def test_of_two_workers_only_the_one_that_claims_sends(memory: MemoryFarm) -> None:
    memory.given(an_order())
    claim = memory.orders.claim

    def lost_race(client_order_id: str, **how: object) -> None:
        claim(client_order_id, at=NOON, lease=LEASE)

    memory.orders.claim = lost_race  # type: ignore[method-assign]

    assert place(memory) is None
    assert memory.trading.sent == []


def test_the_claim_is_kept_before_the_venue_hears_of_it(memory: MemoryFarm) -> None:
    memory.given(an_order())
    memory.trading.deaf = [KeyboardInterrupt()]  # type: ignore[list-item]

    with pytest.raises(KeyboardInterrupt):
        place(memory)

    assert memory.orders.get("ORDER1").state is OrderState.SUBMITTING


def test_an_order_whose_time_is_over_is_not_sent(memory: MemoryFarm) -> None:
    memory.given(an_order())
    memory.now.pass_by(seconds=30)

    assert place(memory) is None
    assert memory.orders.get("ORDER1").state is OrderState.EXPIRED
    assert memory.tables.trades[1].status is TradeStatus.VOID
    assert memory.trading.sent == []


def test_f1_a_create_that_times_out_leaves_the_order_unknown_with_its_reservation(memory: MemoryFarm) -> None:
    memory.given(an_order())
    memory.trading.mute = [Unknown("timed out")]

    assert place(memory) == "ORDER1"

    assert memory.orders.get("ORDER1").state is OrderState.UNKNOWN
    assert memory.ledger.account({}, NOON).reserved == 100
    assert memory.hand_on.calls == [("settle", "ORDER1")]


def test_a_refused_order_is_rejected_and_its_trade_void(memory: MemoryFarm) -> None:
    memory.given(an_order())
    memory.trading.deaf = [Refused("below the minimum", "30002")]

    assert place(memory) is None

    assert memory.orders.get("ORDER1").state is OrderState.REJECTED
    assert memory.tables.trades[1].status is TradeStatus.VOID
    assert memory.hand_on.calls == []


def test_a_denied_order_is_rejected_with_the_cure(memory: MemoryFarm) -> None:
    memory.given(an_order())
    memory.trading.deaf = [Denied("bad signature", "check the keys")]

    assert place(memory) is None

    assert memory.orders.get("ORDER1").state is OrderState.REJECTED
    assert "check the keys" in (memory.orders.get("ORDER1").reason or "")


@pytest.mark.parametrize("error", [Unavailable("connection refused"), RateLimited("slow down", 3)])
def test_an_order_that_was_never_sent_waits_for_the_sweep(memory: MemoryFarm, error: Unavailable) -> None:
    memory.given(an_order())
    memory.trading.deaf = [error]

    assert place(memory) is None

    assert memory.orders.get("ORDER1").state is OrderState.APPROVED
    assert memory.hand_on.calls == []
    assert place(memory) == "ORDER1"


def test_a_bug_while_sending_leaves_the_order_in_doubt_and_is_raised(memory: MemoryFarm) -> None:
    memory.given(an_order())
    memory.trading.mute = [KeyError("orderId")]

    with pytest.raises(KeyError):
        place(memory)

    assert memory.orders.get("ORDER1").state is OrderState.UNKNOWN


def test_it_is_signed_with_a_time_after_the_wait_for_its_turn(memory: MemoryFarm) -> None:
    memory.given(an_order())
    memory.trading.on_turn = lambda: memory.now.pass_by(seconds=2)

    place(memory)

    assert memory.trading.sent == [("ORDER1", NOON + timedelta(seconds=2))]


def test_without_a_turn_an_order_is_not_claimed_and_comes_back_when_there_may_be_one(memory: MemoryFarm) -> None:
    memory.given(an_order())
    memory.trading.busy = [RateLimited("full", 3)]

    assert place(memory) is None

    assert memory.orders.get("ORDER1").state is OrderState.APPROVED
    assert memory.orders.get("ORDER1").attempts == 0
    assert (memory.hand_on.calls, memory.hand_on.delays) == ([("order", "ORDER1")], [3])
    assert memory.trading.sent == []


@pytest.mark.parametrize("error", [RateLimited("banned", 120), Unavailable("gone")])
def test_an_order_that_must_wait_long_is_left_to_the_sweep(memory: MemoryFarm, error: Unavailable) -> None:
    memory.given(an_order())
    memory.trading.busy = [error]

    assert place(memory) is None

    assert memory.orders.get("ORDER1").state is OrderState.APPROVED
    assert memory.hand_on.calls == []


def test_an_order_that_grew_old_while_it_waited_expires(memory: MemoryFarm) -> None:
    memory.given(an_order())
    memory.trading.on_turn = lambda: memory.now.pass_by(days=1)

    assert place(memory) is None

    assert memory.orders.get("ORDER1").state is OrderState.EXPIRED
    assert memory.trading.sent == []


@pytest.mark.parametrize(("code", "what"), [("30051", "market_orders"), ("10007", "tradable")])
def test_what_the_venue_restricts_is_not_asked_for_again(memory: MemoryFarm, code: str, what: str) -> None:
    memory.given(an_order())
    memory.trading.deaf = [Restricted("not for this symbol", code, what)]

    assert place(memory) is None
    assert memory.orders.get("ORDER1").state is OrderState.REJECTED
    assert not getattr(memory.instruments.get("BTC/USDT"), what)
