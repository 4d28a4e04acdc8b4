"""What stands still is found, the account is valued, and the past is filled in."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import cast

import pytest
from structlog.testing import capture_logs

from app.domain.errors import RateLimited, Refused
from app.domain.market import Bar, Tick, microseconds
from app.domain.orders import OUT_OF_REACH, OrderState
from app.domain.risk import Account, Breaker, TradingState
from app.steps.history_alarm import Alarm
from app.steps.mark_equity import mark_equity
from app.steps.ports import Ledger
from app.steps.refresh_instruments import refresh_instruments
from app.steps.sweep import CRASHES, sweep
from app.steps.warm_windows import warm_windows
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import BTC, NOON, a_letter, a_signal, an_instrument, an_order, some_bars

ETH = "ETH/USDT"


def swept(farm: MemoryFarm, seconds: int, limit: int = 100) -> int:
    return sweep(
        orders=farm.orders,
        signals=farm.signals,
        sent_again=farm.sent_again,
        letters=farm.letters,
        hand_on=farm.hand_on,
        at=NOON + timedelta(seconds=seconds),
        patience=timedelta(seconds=5),
        limit=limit,
    )


def test_what_moves_is_left_alone(memory: MemoryFarm) -> None:
    memory.given(an_order())
    memory.signals.save(a_signal())

    assert swept(memory, 5) == 0
    assert memory.hand_on.calls == []


def test_what_stands_still_is_sent_on(memory: MemoryFarm) -> None:
    memory.given(an_order("WAITING"))
    memory.given(an_order("UNCLEAR", state=OrderState.UNKNOWN, claimed_at=NOON))
    memory.given(an_order("DONE", state=OrderState.FILLED, claimed_at=NOON))
    memory.signals.save(a_signal("alone"))

    assert swept(memory, 6) == 3

    assert memory.hand_on.calls == [("order", "WAITING"), ("settle", "UNCLEAR"), ("signal", "alone")]
    assert memory.hand_on.correlation_ids == ["frame-1"] * 3


def test_a_signal_is_sent_again_after_as_long_as_it_has_waited_so_that_a_busy_queue_does_not_fill_with_copies(
    memory: MemoryFarm,
) -> None:
    memory.signals.save(a_signal("alone"))

    assert [second for second in range(60) if swept(memory, second)] == [6, 12, 24, 48]


def test_what_is_left_alone_does_not_hide_what_is_not(memory: MemoryFarm) -> None:
    many = [f"signal-{number:03}" for number in range(150)]
    for key in many:
        memory.signals.save(a_signal(key))

    assert (swept(memory, 6), swept(memory, 7), swept(memory, 8)) == (100, 50, 0)
    assert [key for _, key in memory.hand_on.calls] == many


def test_an_order_whose_sender_died_is_followed_as_soon_as_its_lease_is_over(memory: MemoryFarm) -> None:
    memory.given(an_order("DEAD", state=OrderState.SUBMITTING, claimed_at=NOON, lease_until=NOON))

    assert swept(memory, 1) == 1
    assert memory.hand_on.calls == [("settle", "DEAD")]


def crashes(farm: MemoryFarm, name: str, key: str, times: int = CRASHES) -> None:
    """Dead letters of a step that kills its process."""
    for number in range(times):
        farm.letters.keep(a_letter(f"{name}-{key}-{number}", name=name, about=key, kind="WorkerLostError"))


def test_what_crashed_twice_is_sent_a_third_time(memory: MemoryFarm) -> None:
    memory.given(an_order("POISON"))
    crashes(memory, "tasks.orders.place", "POISON", times=CRASHES - 1)

    assert swept(memory, 6) == 1


def test_what_crashes_each_time_is_left_alone_and_told_and_all_else_goes_on(memory: MemoryFarm) -> None:
    memory.given(an_order("POISON"))
    memory.given(an_order("UNCLEAR", state=OrderState.UNKNOWN, claimed_at=NOON))
    memory.given(an_order("WAITING"), NOON + timedelta(seconds=1))
    memory.signals.save(a_signal("poison"))
    memory.signals.save(a_signal("alone", found_at=NOON + timedelta(seconds=1)))
    crashes(memory, "tasks.orders.place", "POISON")
    crashes(memory, "tasks.orders.settle", "UNCLEAR")
    crashes(memory, "tasks.risk.approve", "poison")

    with capture_logs() as logs:
        assert swept(memory, 7, limit=1) == 2

    assert memory.hand_on.calls == [("order", "WAITING"), ("signal", "alone")]
    told = [(line["step"], line["key"]) for line in logs if line["log_level"] == "error"]
    assert told == [("place", "POISON"), ("settle", "UNCLEAR"), ("approve", "poison")]


def test_an_order_that_crashes_in_one_step_is_still_taken_through_the_other(memory: MemoryFarm) -> None:
    memory.given(an_order("SENT", state=OrderState.UNKNOWN, claimed_at=NOON))
    crashes(memory, "tasks.orders.place", "SENT")

    assert swept(memory, 6) == 1
    assert memory.hand_on.calls == [("settle", "SENT")]


def test_an_order_that_was_never_sent_expires_though_each_try_crashes(memory: MemoryFarm) -> None:
    memory.given(an_order("POISON"))
    crashes(memory, "tasks.orders.place", "POISON")

    assert swept(memory, 29) == 0
    assert memory.orders.get("POISON").state is OrderState.APPROVED
    assert swept(memory, 30) == 0
    assert memory.orders.get("POISON").state is OrderState.EXPIRED


def test_an_order_that_is_held_for_a_person_is_asked_for_rarely_and_hides_no_other(memory: MemoryFarm) -> None:
    memory.given(an_order("HELD", state=OrderState.UNKNOWN, claimed_at=NOON, reason=OUT_OF_REACH))
    memory.given(an_order("UNCLEAR", state=OrderState.UNKNOWN, claimed_at=NOON, reason="timed out"))

    for second in range(7, 700, 100):
        swept(memory, second)

    assert memory.hand_on.calls.count(("settle", "HELD")) == 2
    assert memory.hand_on.calls.count(("settle", "UNCLEAR")) == 7


def test_marking_keeps_the_equity_and_tells_it(memory: MemoryFarm) -> None:
    memory.holding("10", "100")
    memory.prices.heard[BTC] = (110.0, microseconds(NOON))

    account = mark_equity(
        ledger=memory.ledger, prices=memory.prices, breaker=Breaker(), announce=memory.announce, now=lambda: NOON
    )

    assert account.equity == 11_100
    assert memory.tables.equity == [(NOON, Decimal(11_100))]
    assert memory.announce.told[0][1]["trading_state"] == "ACTIVE"


def test_marking_trips_the_breaker_without_any_signal(memory: MemoryFarm) -> None:
    memory.tables.cash = Decimal(9400)

    mark_equity(
        ledger=memory.ledger, prices=memory.prices, breaker=Breaker(), announce=memory.announce, now=lambda: NOON
    )

    assert memory.tables.state is TradingState.REDUCING
    assert memory.announce.told[0][1]["trading_state"] == "REDUCING"


def test_prices_that_are_lost_change_nothing_and_old_ones_are_told(memory: MemoryFarm) -> None:
    def marked(minutes: float) -> Account:
        at = NOON + timedelta(minutes=minutes)
        return mark_equity(
            ledger=memory.ledger, prices=memory.prices, breaker=Breaker(), announce=memory.announce, now=lambda: at
        )

    memory.holding("10", "100")
    memory.prices.heard[BTC] = (200.0, microseconds(NOON))
    before = marked(0)
    memory.prices.heard.clear()
    with capture_logs() as logs:
        lost, old = marked(1), marked(6)

    assert before.equity == lost.equity == old.equity == 12_000
    assert [told["old_prices_s"] for _, told in memory.announce.told] == [{}, {BTC: 60}, {BTC: 360}]
    assert [line["age_s"] for line in logs] == [{BTC: 60}, {BTC: 360}]
    assert memory.tables.state is TradingState.ACTIVE


def test_a_loss_halts_in_the_transaction_that_marks_it(memory: MemoryFarm) -> None:
    memory.tables.cash = Decimal(8900)
    once = cast("Ledger", SimpleNamespace(held=memory.ledger.held, mark=memory.ledger.mark))  # nothing after it

    mark_equity(ledger=once, prices=memory.prices, breaker=Breaker(), announce=memory.announce, now=lambda: NOON)

    assert memory.tables.state is TradingState.HALTED


def test_the_venues_rules_are_kept(memory: MemoryFarm) -> None:
    memory.market.listed = [an_instrument(ETH)]

    assert refresh_instruments(market=memory.market, instruments=memory.instruments, at=NOON) == 1
    assert [one.symbol for one in memory.instruments.all()] == [ETH]
    assert memory.instruments.markets() == {ETH: {"id": "ETHUSDT"}}


def test_an_empty_list_of_rules_replaces_nothing(memory: MemoryFarm) -> None:
    assert refresh_instruments(market=memory.market, instruments=memory.instruments, at=NOON) == 0
    assert [one.symbol for one in memory.instruments.all()] == [BTC]


class Warming:
    """The step with its memory of what was asked for."""

    def __init__(self, farm: MemoryFarm) -> None:
        self.farm = farm
        self.asked: set[tuple[str, str]] = set()
        self.changed: list[tuple[str, str]] = []

    def __call__(self, *symbols: str, limit: int = 50) -> int:
        return warm_windows(
            market=self.farm.market,
            bars=self.farm.bars,
            symbols=symbols or (BTC,),
            intervals=("1m",),
            size=10,
            asked=self.asked,
            window_changed=lambda symbol, interval: self.changed.append((symbol, interval)),
            alarm=Alarm(self.farm.outdated, self.farm.audits, NOON + timedelta(seconds=30)),
            at=NOON + timedelta(seconds=30),
            limit=limit,
        )


@pytest.fixture
def warm(memory: MemoryFarm) -> Warming:
    return Warming(memory)


def test_a_window_is_filled_from_the_venue_once(memory: MemoryFarm, warm: Warming) -> None:
    memory.market.past = some_bars(20)

    assert warm() == 10
    assert warm() == 0

    assert memory.market.asked == [(BTC, "1m", NOON - timedelta(minutes=11), NOON - timedelta(minutes=1))]
    assert warm.changed == [(BTC, "1m")]


def test_a_venue_that_does_not_answer_is_asked_again_later(memory: MemoryFarm, warm: Warming) -> None:
    memory.market.past = some_bars(20)
    memory.market.errors = [RateLimited("slow down", 1)]

    assert warm(BTC, ETH) == 0
    assert len(memory.market.asked) == 1
    assert warm(BTC, ETH) == 10


def test_a_symbol_without_a_past_stops_no_other(memory: MemoryFarm, warm: Warming) -> None:
    memory.market.past = some_bars(20)
    memory.market.errors = [Refused("no such symbol", "-1121")]

    assert warm(ETH, BTC) == 10
    assert warm.asked == {(ETH, "1m"), (BTC, "1m")}


def test_only_so_many_are_asked_for_at_a_time(memory: MemoryFarm, warm: Warming) -> None:
    warm(BTC, ETH, limit=1)

    assert warm.asked == {(BTC, "1m")}


def test_a_past_that_stops_before_its_end_though_it_traded_leaves_a_hole_and_is_asked_for_again(
    memory: MemoryFarm, warm: Warming
) -> None:
    """Meanwhile bars are heard after it, the first of them not whole: that gap stays, and blocks entries."""
    seam = replace(some_bars(3)[0], whole=False)
    memory.bars.save([seam, *some_bars(2)])
    memory.market.past = some_bars(20)[:12]  # up to eight minutes before noon
    memory.market.printed = [Tick(BTC, microseconds(NOON - timedelta(minutes=5)), 100.0, 1.0, "buy")]

    assert (warm(), warm()) == (3, 0)
    assert warm.asked == set()
    assert memory.bars.gaps("1m", NOON - timedelta(hours=1), 10) == [seam]
    assert list(memory.outdated.told) == ["BTC/USDT 1m past"]
    assert [event for event, _ in memory.tables.audits] == ["history.outdated"]

    memory.market.past = some_bars(20)
    assert warm() > 0
    assert warm.asked == {(BTC, "1m")}
    assert memory.bars.gaps("1m", NOON - timedelta(hours=1), 10) == []
    assert memory.outdated.told == {}


def test_a_past_that_stops_because_nothing_traded_is_told_whole(memory: MemoryFarm, warm: Warming) -> None:
    memory.market.past = some_bars(20)[:12]

    warm()

    assert warm.asked == {(BTC, "1m")}
    assert memory.outdated.told == {}


def test_a_gap_is_filled_with_all_that_lies_between_its_ends(memory: MemoryFarm, warm: Warming) -> None:
    bars = some_bars(9)
    memory.bars.save([replace(bars[3], whole=False), replace(bars[6], whole=False)])
    memory.market.past = bars
    warm.asked.add((BTC, "1m"))

    assert warm() == 4

    assert memory.market.asked == [(BTC, "1m", bars[2].end, bars[6].end)]
    assert memory.bars.gaps("1m", NOON - timedelta(hours=1), 10) == []


def test_a_gap_that_has_just_closed_or_is_nobodys_waits(memory: MemoryFarm, warm: Warming) -> None:
    just_now = Bar(BTC, "1m", NOON + timedelta(seconds=29), 1, 1, 1, 1, 1, 1, whole=False)
    memory.bars.save([just_now, replace(some_bars(1, symbol=ETH)[0], whole=False)])
    warm.asked.add((BTC, "1m"))

    assert warm() == 0
    assert memory.market.asked == []
