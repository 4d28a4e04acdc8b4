"""What the market does in a schedule, and the strategy that wishes what it is told to."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import ClassVar

from pandas import DataFrame

from app.domain.orders import Side
from app.domain.trading import Wish

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT")


@dataclass(frozen=True, slots=True)
class Scene:
    """What the market does: at which second a bar of a symbol closes with a wish, and when prices touch a stop."""

    closes: tuple[tuple[float, str, str], ...] = ((0.0, "BTC/USDT", "buy"),)
    wicks_s: tuple[float, ...] = ()
    share: Decimal = Decimal("0.10")

    @property
    def symbols(self) -> list[str]:
        """What it is about."""
        return sorted({symbol for _, symbol, _ in self.closes})

    @classmethod
    def drawn(cls, seed: int) -> "Scene":
        """A busy one: more wishes than the limit has room for, some of the same symbol."""
        random = Random(f"scene {seed}")
        symbols = random.sample(SYMBOLS, random.randint(1, len(SYMBOLS)))
        closes = [(random.uniform(0, 8), symbol, "buy") for symbol in symbols]
        closes += [(random.uniform(2, 16), random.choice(symbols), random.choice(("buy", "sell"))) for _ in range(4)]
        wicks = tuple(random.uniform(1, 22) for _ in range(random.randint(0, 4)))
        return cls(tuple(closes), wicks, Decimal(random.choice(("0.08", "0.10", "0.17"))))


@dataclass(frozen=True, slots=True)
class Strategy:
    """Buys at a bar whose volume is 2, sells at any other."""

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
        """Always something."""
        return Wish(Side.BUY if now["volume"] > 1 else Side.SELL, 1, "told so")
