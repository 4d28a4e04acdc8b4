"""A strategy that always has something to do: it enters when the last bar rose a bit and leaves when it fell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from pandas import DataFrame

from app.domain.orders import Side
from app.domain.trading import Wish


@dataclass(frozen=True)
class Strategy:
    """No way to get rich: a way to many orders. `least` is the move that counts, as a share of the price."""

    version: ClassVar[str] = "1"

    least: float = 0.001  # about every sixth second of the synthetic market

    @property
    def window(self) -> int:
        """Two bars."""
        return 2

    @property
    def warm_up(self) -> int:
        """Two bars."""
        return 2

    def indicators(self, bars: DataFrame) -> DataFrame:
        """The close alone."""
        return bars[["close"]]

    def decide(self, now: Mapping[str, float], before: Mapping[str, float]) -> Wish | None:
        """With the last bar."""
        if abs(now["close"] - before["close"]) <= self.least * before["close"]:
            return None
        return Wish(Side.BUY if now["close"] > before["close"] else Side.SELL, 1.0, "as the last bar went")
