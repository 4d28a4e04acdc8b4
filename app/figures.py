"""What there is to see of a farm at one moment, read from Redis and the database."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app import wiring
from app.domain.rate_limit import Pause
from app.store import Summary

QUEUES = ("ticks", "signals", "risk", "orders", "upkeep")


@dataclass(frozen=True, slots=True)
class Figures:
    """Totals, depths and states; money in quote currency. `feed` is None when no feed has spoken for 10 s.

    `pauses` are of the venue's hosts that nobody may ask just now.
    """

    at: datetime
    counters: Mapping[str, int]
    mailboxes: Mapping[int, int]
    queues: Mapping[str, int]
    feed: Mapping[str, Any] | None
    summary: Summary
    pauses: Mapping[str, Pause]

    @property
    def bars(self) -> int:
        """Closed since the farm's Redis was new."""
        return self.counters.get("bars_closed", 0)

    @property
    def waiting(self) -> int:
        """Rows in mailboxes and messages in queues."""
        return sum(self.mailboxes.values()) + sum(self.queues.values())

    @property
    def profit(self) -> Decimal | None:
        """Since the day's opening."""
        summary = self.summary
        if summary.equity is None or summary.day_open is None:
            return None
        return summary.equity - summary.day_open

    def plain(self) -> dict[str, Any]:
        """For machines: money as text, times as ISO."""
        return {
            "at": self.at.isoformat(),
            "counters": dict(self.counters),
            "mailboxes": {str(shard): depth for shard, depth in self.mailboxes.items()},
            "queues": dict(self.queues),
            "feed": self.feed,
            "pauses": {host: asdict(pause) for host, pause in self.pauses.items()},
            **{name: _plain(value) for name, value in asdict(self.summary).items()},
        }


def read() -> Figures:
    """As it is now; raises what Redis or the database raise."""
    return Figures(
        at=wiring.now(),
        counters=wiring.counters().all(),
        mailboxes=wiring.mailboxes().depths(),
        queues=wiring.queues().depths(QUEUES),
        feed=wiring.feed_status().read(),
        summary=wiring.reports().summary(),
        pauses=wiring.pauses(),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return dict(value) if isinstance(value, Mapping) else value
