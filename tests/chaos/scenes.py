"""What the market does in a schedule, and the strategy that wishes what it is told to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import ClassVar

from pandas import DataFrame

from app.domain.orders import Side
from app.domain.trading import Wish
from tests.chaos.plans import Clock, Filling
from tests.fixtures.memory.builders import NOON

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT")
SIDES = {1.0: Side.SELL, 2.0: Side.BUY}
ALWAYS = ("wake", "sweep", "mark_equity")
MORE = ("withdraw", "reconcile", "archive", "warm", "refresh_instruments")
EXACT = Clock()
REST = ("watch", "seal", "check_history", "check_clock", "keep_letters")  # what decides nothing


@dataclass(frozen=True, slots=True)
class Scene:
    """What the market and people do, and which upkeep runs.

    `closes` are seconds at which a bar of a symbol ends with a wish, `wicks_s` and `peaks_s` when prices touch the
    stops or rise, `begins_s` when the farm is started (never: it runs already), `strangers_s` when somebody uses the
    account by hand, `reruns_s` when a person has all that may have failed run again, `locks_s` from and until when an
    order of somebody's locks half of the coins, `flattens_s` when a person flattens, `skewed_s` from and until when
    the venue's clock is seconds ahead; `flattens` lets every halt flatten. `rests` are shares of the first orders
    that fill at once while the rest of them stays at the venue, `fills` those of the first that are cancelled there
    and then, `late` how each of the first meets the book where some fills are told late; `queue_s` is how long a signal
    waits to be decided. In a slow one the first order arrives so late, its answer never; in it, and where fills are
    late, the venue shows what it has as late as it may. `moves` are prices that the market moves to,
    `flushes_s` when Redis is emptied, after which no price is heard for `deaf_s`; a day ends after `midnight_s`.
    `clock` is the venue's. At `restored_s` the database is what it was when the first order was approved.
    """

    closes: tuple[tuple[float, str, str], ...] = ((0.0, "BTC/USDT", "buy"),)
    wicks_s: tuple[float, ...] = ()
    peaks_s: tuple[float, ...] = ()
    begins_s: tuple[float, ...] = ()
    strangers_s: tuple[float, ...] = ()
    reruns_s: tuple[float, ...] = ()
    locks_s: tuple[float, float] | None = None
    skewed_s: tuple[float, float] | None = None
    flattens_s: tuple[float, ...] = ()
    flattens: bool = False
    rests: tuple[float, ...] = ()
    fills: tuple[float, ...] = ()
    late: tuple[Filling, ...] = ()
    queue_s: float = 0
    crash_s: float | None = None
    order_timeout_s: float = 6
    slow_s: float | None = None
    moves: tuple[tuple[float, int], ...] = ()
    flushes_s: tuple[float, ...] = ()
    deaf_s: float = 6
    midnight_s: float | None = None
    clock: Clock = EXACT
    restored_s: float | None = None
    upkeep: tuple[str, ...] = ALWAYS
    share: Decimal = Decimal("0.10")

    @property
    def symbols(self) -> list[str]:
        """What it is about."""
        return sorted({symbol for _, symbol, _ in self.closes})

    @property
    def lasts_s(self) -> float:
        """When the last of it happens, counted from when the farm listens to the market."""
        closes = [second for second, _, _ in self.closes]
        deaf = [second + self.deaf_s for second in self.flushes_s]
        moves = [second for second, _ in self.moves]
        others = (*self.wicks_s, *self.peaks_s, *self.strangers_s, *self.flattens_s, *self.begins_s, *self.reruns_s)
        return max((*closes, *others, *moves, *deaf, self.restored_s or 0, self.midnight_s or 0))

    @property
    def starts_at(self) -> datetime:
        """When it begins: at noon, or so that a day ends when it is to."""
        if self.midnight_s is None:
            return NOON
        return NOON.replace(hour=0) + timedelta(days=1) - timedelta(seconds=self.midnight_s)

    @classmethod
    def drawn(cls, seed: int) -> "Scene":
        """A busy one: more wishes than the limit has room for, some of the same symbol."""
        random = Random(f"scene {seed}")
        symbols = random.sample(SYMBOLS, random.randint(1, len(SYMBOLS)))
        closes = [(random.uniform(0, 8), symbol, "buy") for symbol in symbols]
        closes += [(random.uniform(2, 16), random.choice(symbols), random.choice(("buy", "sell"))) for _ in range(4)]
        wicks = tuple(random.uniform(1, 22) for _ in range(random.randint(0, 4)))
        share = Decimal(random.choice(("0.08", "0.10", "0.17")))
        return cls(
            closes=tuple(closes),
            wicks_s=wicks,
            share=share,
            begins_s=random.choice(((), (), (), (0.0, 9.0))),
            strangers_s=random.choice(((), (), (), (5.0,))),
            flattens_s=random.choice(((), (), (), (random.uniform(4, 14),))),
            flattens=random.choice((False, True)),
            flushes_s=random.choice(((), (), (random.uniform(1, 18),))),
            deaf_s=random.uniform(0, 8),
            midnight_s=random.choice((None, None, random.uniform(1, 18))),
            upkeep=(*ALWAYS, "withdraw", *random.sample(MORE[1:], 2), *random.sample(REST, 1)),
            reruns_s=random.choice(((), (), (random.uniform(0, 16),))),
        )


@dataclass(frozen=True, slots=True)
class Strategy:
    """Buys at a bar whose volume is 2, sells at one of 1."""

    version: ClassVar[str] = "1"

    @property
    def window(self) -> int:
        """One bar."""
        return 1

    @property
    def warm_up(self) -> int:
        """None."""
        return 1

    def indicators(self, bars: DataFrame) -> DataFrame:
        """The bars themselves."""
        return bars

    def decide(self, now: Mapping[str, float], before: Mapping[str, float]) -> Wish | None:
        """What the volume says."""
        side = SIDES.get(now["volume"])
        return None if side is None else Wish(side, 1, "told so")


BTC, ETH = "BTC/USDT", "ETH/USDT"
SCENES = {
    "entry": Scene(),
    "rerun": Scene(queue_s=2.0, reruns_s=(1.0, 1.05, 2.05, 8.0), upkeep=(*ALWAYS, "keep_letters")),
    "rerun-lost": Scene(
        queue_s=2.0, reruns_s=(1.0, 8.0), flushes_s=(1.05,), deaf_s=1, upkeep=(*ALWAYS, "keep_letters")
    ),
    "round-trip": Scene(peaks_s=(2.0,), wicks_s=(3.0,), upkeep=(*ALWAYS, "watch")),
    "left": Scene(
        closes=((0.0, BTC, "buy"), (3.0, BTC, "sell")),
        skewed_s=(0.5, 12.5),
        upkeep=(*ALWAYS, "seal", "keep_letters", "check_clock"),
    ),
    "unsold": Scene(
        closes=((0.0, BTC, "buy"), (0.0, ETH, "buy"), (2.0, BTC, "sell")), fills=(1, 1, 0.4, 0, 0), crash_s=2.5
    ),
    "in-vain": Scene(
        closes=((0.0, BTC, "buy"), (0.0, ETH, "buy")),
        fills=(1, 1, 0, 0.5, 0),
        flattens_s=(3.0,),
        upkeep=(*ALWAYS, "withdraw"),
    ),
    "too-soon": Scene(closes=((0.0, BTC, "buy"), (3.0, BTC, "sell")), slow_s=4.9),
    "slow": Scene(slow_s=4.9),
    "late": Scene(
        closes=((0.0, ETH, "buy"), (2.5, ETH, "buy")),
        wicks_s=(5.5,),
        late=(Filling(0, too_late=0.5, too_late_s=6.5), Filling(), Filling(0.4, too_late=0.3, too_late_s=9)),
        upkeep=(*ALWAYS, "reconcile"),
    ),
    "beside": Scene(
        closes=((0.0, ETH, "buy"), (2.5, ETH, "buy")),
        wicks_s=(5.5,),
        late=(Filling(0, too_late=0.5, too_late_s=3.9), Filling(), Filling(0.4, too_late=0.3, too_late_s=9)),
        upkeep=(*ALWAYS, "reconcile"),
    ),
    "skewed": Scene(slow_s=5.85, clock=Clock(ahead_s=40, error_s=0.9)),
    "drifting": Scene(slow_s=4.9, clock=Clock(ahead_s=-3, drift=-0.05, errors_s=0.2)),
    "beyond": Scene(slow_s=7.5, clock=Clock(error_s=3.0)),
    "flushed": Scene(
        closes=((0.0, BTC, "buy"), (17.0, ETH, "buy")), moves=((2.0, 220),), midnight_s=4.0, flushes_s=(6.0,)
    ),
    "sunk": Scene(closes=((0.0, BTC, "buy"), (17.0, ETH, "buy")), moves=((2.0, 45),), midnight_s=4.0, flushes_s=(6.0,)),
    "emptied": Scene(
        closes=((0.0, BTC, "buy"), (3.0, BTC, "sell"), (4.0, ETH, "buy")),
        flushes_s=(0.03, 3.04, 4.5),
        deaf_s=1,
        upkeep=(*ALWAYS, "archive", "warm", "keep_letters", "check_history"),
    ),
    "restored": Scene(restored_s=2.0, upkeep=(*ALWAYS, "reconcile")),
    "forgotten": Scene(restored_s=13.0, upkeep=(*ALWAYS, "reconcile")),
    "crash": Scene(
        closes=((0.0, BTC, "buy"), (0.0, ETH, "buy")), crash_s=2.0, flattens=True, upkeep=(*ALWAYS, "withdraw")
    ),
    "start": Scene(closes=((2.0, BTC, "buy"),), begins_s=(0.0, 8.0), upkeep=(*ALWAYS, "refresh_instruments")),
    "strangers": Scene(closes=((1.0, BTC, "buy"),), strangers_s=(4.0,), wicks_s=(7.0,), upkeep=(*ALWAYS, "reconcile")),
    "flattened": Scene(
        closes=((0.0, BTC, "buy"), (1.0, ETH, "buy")),
        rests=(1.0, 0.4),
        order_timeout_s=90,
        flattens_s=(3.0,),
        flattens=True,
        upkeep=(*ALWAYS, "withdraw"),
    ),
    "short": Scene(wicks_s=(2.0, 3.2, 4.5, 6.8, 11.0, 16.0), locks_s=(1.5, 8.0)),
    "behind": Scene(closes=((0.0, BTC, "buy"), (1.0, ETH, "buy")), queue_s=13.0),
    "gap": Scene(closes=((0.0, BTC, "lost"), (7.0, BTC, "buy")), upkeep=(*ALWAYS, "warm", "archive", "check_history")),
    "whole": Scene(
        closes=(
            (2.0, BTC, "lost"),
            (8.0, BTC, "buy"),
            (9.0, ETH, "buy"),
            (11.0, ETH, "sell"),
            (14.0, ETH, "buy"),
            (17.0, ETH, "sell"),
        ),
        begins_s=(0.0, 16.0),
        fills=(1, 1, 0.5),
        peaks_s=(11.5,),
        wicks_s=(12.0,),
        strangers_s=(11.0,),
        flattens_s=(15.0,),
        flattens=True,
        flushes_s=(9.02,),
        reruns_s=(9.01, 18.0),
        deaf_s=1,
        upkeep=(*ALWAYS, *MORE, *REST),
    ),
}
