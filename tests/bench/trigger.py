"""A strategy that a benchmark can command: a bar that closes above 100 buys, one below 100 sells."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from pandas import DataFrame

from app.domain.orders import Side
from app.domain.trading import Wish

PAR = 100.0


@dataclass(frozen=True, slots=True)
class Strategy:
    """Decides on the last close alone."""

    version: ClassVar[str] = "1"
    warm_up: ClassVar[int] = 1
    window: ClassVar[int] = 2

    def indicators(self, bars: DataFrame) -> DataFrame:
        """The close."""
        return bars[["close"]]

    def decide(self, now: Mapping[str, float], before: Mapping[str, float]) -> Wish | None:
        """Above par in, below par out."""
        if now["close"] == PAR:
            return None
        side = Side.BUY if now["close"] > PAR else Side.SELL
        return Wish(side, 1.0, f"the bar closed at {now['close']:g}")
