"""The strategy of the schedules: it wishes what the bar was told to make it wish."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from pandas import DataFrame

from app.domain.orders import Side
from app.domain.trading import Wish


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
