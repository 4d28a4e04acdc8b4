"""When a symbol's history is outdated: its newest bar is older than it should be by the venue's clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.market import EPOCH, interval_seconds

LATE_BARS = 3
LATE = timedelta(seconds=60)  # a feed that was started anew has caught up by then


@dataclass(frozen=True, slots=True)
class Outdated:
    """A history that ends at `newest` though the market went on; `past` if newer bars were heard after a hole."""

    symbol: str
    interval: str
    newest: datetime
    reason: str
    past: bool = False

    @property
    def name(self) -> str:
        """What tells it from others."""
        return f"{self.symbol} {self.interval}" + (" past" if self.past else "")


def span_of(interval: str) -> timedelta:
    """How long a bar is."""
    return timedelta(seconds=interval_seconds(interval))


def late_before(interval: str, at: datetime) -> datetime:
    """Whoever has no bar that ended after this is late, or quiet."""
    return at - max(LATE_BARS * span_of(interval), LATE)


def settled_until(interval: str, at: datetime) -> datetime:
    """The end of the last bar but one: whoever heard the last one has it."""
    span = span_of(interval)
    return at - (at - EPOCH) % span - span
