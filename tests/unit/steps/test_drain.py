"""Draining a mailbox: the order of its work, and what happens when it is interrupted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.bus import Stale
from app.bus.frames import Frame, packed
from app.domain.bars import Closed
from app.domain.market import Bar, BarClose, Tick, instant, microseconds
from app.domain.orders import Leg, OrderState, Side
from app.steps.archive_ticks import archive_ticks
from app.steps.drain import complaints, drain
from app.steps.wake import wake
from tests.fixtures.fakes import MemoryFarm, MemoryHandOn
from tests.fixtures.memory.builders import NOON, a_signal, an_order

NOON_US = microseconds(NOON)
BTC = "BTC/USDT"


def tick(second: float, price: float = 100.0, symbol: str = BTC, *, delay: float = 0) -> tuple[Any, ...]:
    time_us = NOON_US + round(second * 1e6)
    return (symbol, time_us, price, 1.0, "buy", time_us + round(delay * 1e6))


def clock(second: float) -> tuple[Any, ...]:
    return ("@", NOON_US + round(second * 1e6), NOON_US + round(second * 1e6))


@dataclass
class MemoryLease:
    """A mailbox with frames in it; `events` tells what the drain did to it."""

    frames: list[Frame]
    events: list[str] = field(default_factory=list)
    forming: dict[str, Any] = field(default_factory=dict)
    levels_version: int = 0
    stale: bool = False
    late: list[Frame] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    prices: dict[str, Any] = field(default_factory=dict)
    peaks: dict[int, Decimal] = field(default_factory=dict)

    def read(self, wait_ms: int) -> list[Frame]:
        frames, self.frames = self.frames[:2], self.frames[2:]
        return frames

    def extend(self, closed: Sequence[Closed], keep: int) -> None:
        if self.stale:
            raise Stale("mailbox 0")
        self.events.append("extend " + " ".join(one.bar.symbol for one in closed))

    def commit(
        self,
        frames: Sequence[Frame],
        forming: Mapping[str, object],
        prices: Mapping[str, tuple[float, int, int]],
        counters: Mapping[str, int],
        peaks: Mapping[int, Decimal],
    ) -> None:
        self.peaks = dict(peaks)
        self.events.append("commit " + " ".join(frame.id for frame in frames))
        self.forming.update(forming)
        self.prices.update(prices)
        for name, count in counters.items():
            self.counters[name] = self.counters.get(name, 0) + count

    def rest(self) -> bool:
        self.frames, self.late = self.late, []
        return not self.frames

    def hand_over(self) -> None:
        self.events.append("hand over")


@dataclass
class OneMailbox:
    """A mailbox that somebody else may have."""

    taken: MemoryLease | None

    def lease(self, shard: int) -> MemoryLease | None:
        return self.taken


class Drained:
    """A drain over a farm in memory."""

    def __init__(self, memory: MemoryFarm) -> None:
        self.memory = memory
        self.again: list[int] = []
        self.lease = MemoryLease([])

    def __call__(self, *frames: Sequence[Any], budget_s: float = 5, **lease: Any) -> int:
        named = [Frame(f"f{number}", packed(rows), len(rows)) for number, rows in enumerate(frames)]
        self.lease = MemoryLease(named, **lease)
        return self.run(OneMailbox(self.lease), budget_s)

    def run(
        self,
        mailboxes: OneMailbox,
        budget_s: float = 5,
        linger_s: float = 0,
        others_wait: Callable[[], bool] = bool,
    ) -> int:
        farm = self.memory
        return drain(
            0,
            mailboxes=mailboxes,
            bars=farm.bars,
            signals=farm.signals,
            trades=farm.trades,
            hand_on=farm.hand_on,
            announce=farm.announce,
            again=self.again.append,
            intervals=["1s"],
            window_size=60,
            look_ms=1,
            linger_s=linger_s,
            budget_s=budget_s,
            others_wait=others_wait,
            now=farm.now,
        )

    def holding(self, **levels: Any) -> None:
        """An open trade of BTC bought at 100."""
        trade = self.memory.holding()
        self.memory.tables.trades[trade.id] = replace(trade, **levels)


@pytest.fixture
def drained(memory: MemoryFarm) -> Drained:
    return Drained(memory)


def test_closed_bars_are_stored_then_handed_on_then_committed(drained: Drained) -> None:
    assert drained([tick(0.1), tick(0.2), clock(1)]) == 2

    assert [bar.ticks for bar in drained.memory.bars.window(BTC, "1s", NOON.replace(year=2100), 5)] == [2]
    assert drained.memory.hand_on.calls == [("closes", BTC)]
    assert drained.memory.hand_on.correlation_ids == ["f0"]
    assert drained.lease.events == [f"extend {BTC}", "commit f0"]
    assert drained.lease.counters == {"ticks_processed": 2, "bars_closed": 1}
    assert drained.lease.prices[BTC] == (100.0, NOON_US + 200_000, NOON_US + 200_000)


def test_a_drain_goes_on_until_its_mailbox_is_empty(drained: Drained) -> None:
    late = [Frame("late", packed([tick(0.4)]), 1)]

    assert drained([tick(0.1)], [tick(0.2)], [tick(0.3)], late=late) == 4

    assert drained.lease.events == ["commit f0 f1", "commit f2", "commit late"]
    assert drained.again == []


class Slow(MemoryLease):
    """It is empty at each second look."""

    is_empty: bool = True

    def read(self, wait_ms: int) -> list[Frame]:
        self.is_empty = not self.is_empty
        return [] if self.is_empty else super().read(wait_ms)

    def rest(self) -> bool:
        self.events.append("rest")
        return super().rest()


def test_a_drain_lingers_at_an_empty_mailbox_until_another_waits_for_its_process(drained: Drained) -> None:
    lease = Slow([Frame(f"f{number}", packed([tick(number / 10)]), 1) for number in range(5)])
    looks = iter([False, False, True])

    assert drained.run(OneMailbox(lease), linger_s=60, others_wait=lambda: next(looks)) == 5
    assert lease.events == ["commit f0 f1", "commit f2 f3", "commit f4", "rest"]


def test_a_drain_that_has_lingered_long_enough_asks_for_no_others(drained: Drained) -> None:
    lease = Slow([Frame("f0", packed([tick(0.1)]), 1)])

    assert drained.run(OneMailbox(lease), linger_s=0, others_wait=lambda: pytest.fail("asked")) == 1
    assert lease.events == ["commit f0", "rest"]


def test_a_drain_whose_time_is_up_sends_the_next_one(drained: Drained) -> None:
    assert drained([tick(0.1)], budget_s=0) == 0

    assert drained.lease.events == ["hand over"]
    assert drained.again == [0]


def test_a_mailbox_that_another_drain_has_is_left_alone(drained: Drained) -> None:
    assert drained.run(OneMailbox(None)) == 0


def test_a_drain_that_lost_its_mailbox_hands_nothing_on(drained: Drained) -> None:
    with capture_logs() as logs:
        assert drained([tick(0.1), clock(1)], stale=True) == 0

    assert drained.memory.hand_on.calls == []
    assert drained.lease.events == []
    assert [entry["event"] for entry in logs] == ["drain lost its mailbox to another"]


def test_many_closes_are_handed_on_in_batches_named_by_the_frame_that_closed_first(drained: Drained) -> None:
    symbols = [f"S{number}/USDT" for number in range(450)]
    quiet, closing = [tick(0.1, symbol=symbol) for symbol in symbols], [clock(1)]

    drained(quiet, closing)

    assert [call[1].count(",") + 1 for call in drained.memory.hand_on.calls] == [200, 200, 50]
    assert set(drained.memory.hand_on.correlation_ids) == {"f1"}


def test_bad_rows_are_counted_and_one_of_each_reason_is_logged(drained: Drained) -> None:
    complaints.last.clear()
    bad = [tick(0.1, -1.0), tick(0.2, -2.0), (BTC, 1, 2), tick(0.3)]
    with capture_logs() as logs:
        assert drained(bad) == 1
        drained(bad)

    assert drained.lease.counters == {"ticks_processed": 1, "ticks_bad": 3}
    assert [(entry["reason"], entry["count"]) for entry in logs] == [
        ("price -1.0 is not a positive number", 2),
        ("it is neither a tick nor a mark", 1),
    ]


def test_a_frame_that_cannot_be_read_is_counted_and_passed_over(drained: Drained) -> None:
    complaints.last.clear()
    lease = MemoryLease([Frame("broken", b"[[", 3), Frame("fine", packed([tick(0.1)]), 1)])

    assert drained.run(OneMailbox(lease)) == 1
    assert lease.counters == {"ticks_bad": 3, "ticks_processed": 1}


def test_a_stop_that_is_hit_becomes_a_signal_to_leave(drained: Drained) -> None:
    drained.holding(stop_price=Decimal(95))

    drained([tick(0.1, 96), tick(0.2, 94.5), tick(0.3, 94)])

    (key,) = drained.memory.tables.signals
    signal = drained.memory.signals.get(key)
    assert (signal.leg, signal.side, signal.price, signal.trade_id) == (Leg.STOP_LOSS, Side.SELL, 94.5, 1)
    assert (signal.bar_end, signal.tick_received_us) == (instant(NOON_US + 200_000), NOON_US + 200_000)
    assert (signal.interval, signal.strategy, signal.correlation_id) == ("", "protection", "f0")
    assert drained.memory.hand_on.calls == [("signal", key)]
    assert drained.memory.announce.topics == ["trading_signals"]


def test_a_trade_whose_exit_has_just_failed_rests_before_the_next(drained: Drained, memory: MemoryFarm) -> None:
    drained.holding(stop_price=Decimal(98))
    failed = an_order("EXIT", side=Side.SELL, leg=Leg.STOP_LOSS, state=OrderState.CANCELLED, claimed_at=NOON)
    memory.given(failed, at=NOON + timedelta(seconds=1))

    drained([tick(1.4, 97.0)])
    rested = list(memory.tables.signals)
    drained([tick(1.5, 97.0)])

    assert rested == []
    assert [signal.reason for signal in memory.tables.signals.values()] == [
        "price 97.0 reached the stop loss of trade 1"
    ]


@pytest.mark.parametrize(("price", "leg"), [(101, Leg.STRATEGY_EXIT), (97, Leg.STOP_LOSS)])
def test_what_was_to_be_left_and_was_not_sold_is_asked_for_by_the_next_tick_whatever_its_price(
    drained: Drained, memory: MemoryFarm, price: float, leg: Leg
) -> None:
    memory.signals.save(a_signal("sell", side=Side.SELL, leg=Leg.STRATEGY_EXIT, correlation_id="its own"))
    memory.tables.verdicts["sell"] = "approved"
    drained.holding(stop_price=Decimal(98), leaving_key="sell")
    memory.given(an_order("EXIT", side=Side.SELL, leg=Leg.STRATEGY_EXIT, state=OrderState.EXPIRED))

    drained([tick(0.4, price), tick(0.5, price), tick(0.6, price)])

    (again,) = [signal for signal in memory.tables.signals.values() if signal.key != "sell"]
    assert (again.leg, again.price, again.bar_end) == (leg, price, NOON + timedelta(seconds=0.5))
    assert again.tick_received_us == NOON_US + 500_000
    assert again.correlation_id == ("its own" if leg is Leg.STRATEGY_EXIT else "f0")


def test_a_hit_that_is_drained_again_is_the_same_signal(drained: Drained) -> None:
    drained.holding(take_price=Decimal(110))
    for _ in range(2):
        drained([tick(0.1, 111)])

    assert len(drained.memory.tables.signals) == 1
    assert len(set(drained.memory.hand_on.calls)) == 1


def test_a_trailing_stop_follows_the_price_and_its_peak_is_kept(drained: Drained) -> None:
    drained.holding(trail=Decimal("0.1"))

    drained([tick(0.1, 120), tick(0.2, 119)], [tick(0.3, 107)])

    assert [signal.leg for signal in drained.memory.tables.signals.values()] == [Leg.TRAILING_STOP]
    assert drained.memory.tables.trades[1].peak == Decimal(120)


def test_a_peak_is_kept_when_a_bar_closes_and_when_the_drain_hands_over(drained: Drained) -> None:
    drained.holding(trail=Decimal("0.5"))
    drained([tick(0.1, 130), clock(1)])
    assert drained.memory.tables.trades[1].peak == Decimal(130)


class Dying(MemoryLease):
    """The process dies right after a commit."""

    def commit(self, *given: Any) -> None:
        super().commit(*given)
        raise KeyboardInterrupt


def test_a_peak_that_was_committed_outlives_the_drain_that_saw_it(drained: Drained, memory: MemoryFarm) -> None:
    drained.holding(trail=Decimal("0.1"))
    dying = Dying([Frame("f0", packed([tick(0.1, 130)]), 1)])
    with pytest.raises(KeyboardInterrupt):
        drained.run(OneMailbox(dying))
    assert memory.tables.trades[1].peak == 100, "it was not brought to the database"

    drained([tick(0.2, 116)], peaks=dying.peaks)

    assert memory.tables.trades[1].peak == 130
    assert [signal.leg for signal in memory.tables.signals.values()] == [Leg.TRAILING_STOP]
    assert drained.lease.peaks == {}


def test_a_tick_that_was_filled_in_much_later_moves_no_stop(drained: Drained) -> None:
    drained.holding(stop_price=Decimal(95))

    drained([tick(0.1, 90, delay=11)])

    assert drained.memory.hand_on.calls == []


class Entering(MemoryLease):
    """With the first commit a trade is entered, and the levels have another version."""

    enter: Callable[[], None]

    def commit(self, *given: Any) -> None:
        super().commit(*given)
        self.enter()
        self.levels_version += 1


def test_levels_are_read_again_when_their_version_changes(drained: Drained, memory: MemoryFarm) -> None:
    lease = Entering([Frame(f"f{number}", packed([tick(number / 10, 90)]), 1) for number in range(1, 4)])
    lease.enter = lambda: drained.holding(stop_price=Decimal(95))
    drained.run(OneMailbox(lease))

    (signal,) = memory.tables.signals.values()
    assert signal.correlation_id == "f3"


@dataclass
class MemoryArchive:
    """The archiver's place; `quicker` is another archiver."""

    frames: list[Frame]
    quicker: bool = False
    kept: list[tuple[str, int]] = field(default_factory=list)

    def read(self, frames: int) -> list[Frame]:
        return self.frames[:frames]

    def keep(self, frames: Sequence[Frame], stored: int) -> bool:
        self.kept += [(frames[-1].id, stored)]
        self.frames = self.frames[len(frames) :]
        return not self.quicker

    def archive(self, shard: int) -> "MemoryArchive":
        return self


def test_raw_ticks_are_archived_once_and_marks_and_flaws_are_not(memory: MemoryFarm) -> None:
    put = {"a": [tick(0.1), clock(1), tick(0.2, -1)], "b": [clock(2)], "c": [tick(3)]}
    frames = [Frame(name, packed(rows), len(rows)) for name, rows in put.items()]

    assert archive_ticks(0, mailboxes=MemoryArchive(list(frames)), ticks=memory.ticks, source="mexc", batch=2) == 2
    again = MemoryArchive(list(frames))
    assert archive_ticks(0, mailboxes=again, ticks=memory.ticks, source="mexc", batch=1) == 0

    assert again.kept == [("a", 0), ("b", 0), ("c", 0)]
    assert Tick(*tick(3)) in memory.tables.ticks.values()


def test_an_archiver_stops_when_another_was_quicker_or_its_turn_is_over(memory: MemoryFarm) -> None:
    frames = [Frame(str(number), packed([tick(number)]), 1) for number in range(60)]
    archive = MemoryArchive(list(frames), quicker=True)
    assert archive_ticks(0, mailboxes=archive, ticks=memory.ticks, source="mexc", batch=1) == 1

    archive = MemoryArchive(frames)
    archive_ticks(0, mailboxes=archive, ticks=memory.ticks, source="mexc", batch=20, turn_s=0)
    assert len(archive.frames) == 40
    assert archive_ticks(0, mailboxes=archive, ticks=memory.ticks, source="mexc", batch=20) == 40


class Stranded:
    def stranded(self) -> list[int]:
        return [0, 3]


def test_every_stranded_mailbox_gets_a_drain() -> None:
    sent: list[int] = []

    assert wake(mailboxes=Stranded(), enqueue=sent.append) == 2
    assert sent == [0, 3]


class ListeningHandOn(MemoryHandOn):
    """Remembers all that came with the closes."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[list[BarClose], int]] = []

    def closes(self, closes: Sequence[BarClose], frame: str, received_us: int) -> None:
        self.heard.append((list(closes), received_us))


def test_closes_carry_the_earliest_time_that_a_frame_came_in(drained: Drained, memory: MemoryFarm) -> None:
    memory.hand_on = ListeningHandOn()
    drained([tick(0.1), tick(1.5, delay=0.2), clock(2)])

    ends = [Bar(BTC, "1s", instant(NOON_US + end * 1_000_000), 1, 1, 1, 1, 1, 1).key for end in (1, 2)]
    assert memory.hand_on.heard == [(ends, NOON_US + 1_700_000)]
