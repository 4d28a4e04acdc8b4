"""For how long positions are not protected is measured, and told once it is too long."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from app.domain.orders import Leg, OrderState, Side
from app.domain.portfolio import TradeStatus
from app.domain.unprotected import Spell
from app.steps.watch_positions import watch_positions
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import NOON, an_exit, an_order


@dataclass
class Drains:
    """One mailbox, and the instant of the last frame that was worked through."""

    looked_at: datetime | None = NOON
    now: datetime = NOON

    def shard(self, symbol: str) -> int:
        return 0

    def worked_through(self) -> Mapping[int, float]:
        return {} if self.looked_at is None else {0: (self.now - self.looked_at).total_seconds()}


@dataclass
class Watch:
    farm: MemoryFarm
    drains: Drains = field(default_factory=Drains)

    def __call__(self, seconds: float, *, looked_s: float | None = None) -> int:
        """A look at so many seconds after noon; `looked_s` is when a drain worked last."""
        at = NOON + timedelta(seconds=seconds)
        self.drains.now = at
        self.drains.looked_at = None if looked_s is None else NOON + timedelta(seconds=looked_s)
        return watch_positions(
            trades=self.farm.trades,
            mailboxes=self.drains,
            audits=self.farm.audits,
            announce=self.farm.announce,
            alert_after=timedelta(seconds=10),
            at=at,
        )

    @property
    def told(self) -> list[str]:
        return [event for event, _ in self.farm.tables.audits]


@pytest.fixture
def watch(memory: MemoryFarm) -> Watch:
    return Watch(memory)


def test_while_drains_work_every_position_is_protected(memory: MemoryFarm, watch: Watch) -> None:
    memory.holding()

    assert watch(2, looked_s=1) == 0
    assert memory.tables.spells == {}


def test_while_no_drain_works_none_is_and_the_seconds_are_kept(memory: MemoryFarm, watch: Watch) -> None:
    memory.holding()

    assert watch(5, looked_s=0) == 1
    assert watch(9, looked_s=0) == 1
    assert watch(11, looked_s=11) == 0

    assert memory.tables.spells == {1: Spell(past_s=11.0)}
    assert watch.told == [], "it was not long"


def test_where_redis_was_flushed_nobody_knows_of_a_look(memory: MemoryFarm, watch: Watch) -> None:
    memory.holding()

    assert watch(5) == 1
    assert memory.tables.spells[1].since == NOON + timedelta(seconds=5)


def test_a_person_is_told_once_when_it_is_too_long_and_once_when_it_is_over(memory: MemoryFarm, watch: Watch) -> None:
    memory.holding()
    for second in (5, 9, 11, 13, 15):
        watch(second, looked_s=0)
    watch(17, looked_s=17)
    watch(19, looked_s=19)

    assert memory.tables.audits == [
        ("position.unprotected", {"trade_id": 1, "symbol": "BTC/USDT", "seconds": "11.0"}),
        ("position.protected", {"trade_id": 1, "symbol": "BTC/USDT", "seconds": "17.0"}),
    ]
    assert [topic for topic, _ in memory.announce.told] == ["system_health"] * 2


def test_an_exit_that_does_not_come_through_leaves_a_position_unprotected(memory: MemoryFarm, watch: Watch) -> None:
    memory.holding()
    memory.signals.save(an_exit("leave", trade_id=1))
    way = {"side": Side.SELL, "leg": Leg.STOP_LOSS, "trade_id": 1, "signal_key": "leave"}
    memory.tables.orders["EXIT"] = an_order("EXIT", state=OrderState.OPEN, claimed_at=NOON, **way)
    memory.tables.verdicts["leave"] = "approved"
    memory.tables.trades[1] = replace(memory.tables.trades[1], leaving_key="leave")

    assert watch(3, looked_s=3) == 0
    assert watch(8, looked_s=8) == 1


def test_f10_it_stays_so_while_exits_are_refused_one_after_the_other(memory: MemoryFarm, watch: Watch) -> None:
    memory.tables.trades[1] = replace(memory.holding(), leaving_key="leave")
    memory.signals.save(an_exit("leave", trade_id=1))
    memory.given(an_order("EXIT", side=Side.SELL, leg=Leg.STOP_LOSS, state=OrderState.REJECTED))
    for key in ("leave", "again"):
        memory.signals.save(an_exit(key, trade_id=1))
        memory.tables.verdicts[key], memory.tables.decided[key] = "refused", NOON

    assert [watch(second, looked_s=second) for second in (5, 12, 60, 600)] == [1, 1, 1, 1]
    assert memory.tables.spells[1].since == an_exit().found_at
    assert watch.told == ["position.unprotected"]


def test_a_trade_that_was_closed_meanwhile_ends_its_spell_with_its_close(memory: MemoryFarm, watch: Watch) -> None:
    trade = memory.holding()
    watch(5, looked_s=0)
    closed = {"status": TradeStatus.CLOSED, "left": trade.left - trade.left, "closed_at": NOON + timedelta(seconds=6)}
    memory.tables.trades[1] = type(trade)(**{**{n: getattr(trade, n) for n in trade.__slots__}, **closed})

    assert watch(60, looked_s=60) == 0
    assert memory.tables.spells == {1: Spell(past_s=6.0)}
