"""How long a position was not protected: nobody looked at its levels, or an exit that was wanted was not done."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

USUAL = timedelta(seconds=3)  # marks come every second, and an exit takes less than one


@dataclass(frozen=True, slots=True)
class Spell:
    """`since` is when it began, None while the position is protected; `past_s` is the length of those before it.

    `told` is whether somebody was told of it.
    """

    since: datetime | None = None
    past_s: float = 0.0
    told: bool = False

    def length_s(self, at: datetime) -> float:
        """Of this one."""
        return 0.0 if self.since is None else max(0.0, (at - self.since).total_seconds())

    def seen(self, exposed_since: datetime | None, at: datetime) -> "Spell":
        """The spell after a look at the position: since when it is not protected, None if it is."""
        if exposed_since is None:
            return Spell(past_s=self.past_s + self.length_s(at))
        return replace(self, since=exposed_since) if self.since is None else self


@dataclass(frozen=True, slots=True)
class Held:
    """An open trade as the watch sees it; `leaving_since` is when the exit was wanted that is not done yet.

    `closed_at` is given where the trade was closed while it was not protected.
    """

    trade_id: int
    symbol: str
    spell: Spell
    leaving_since: datetime | None = None
    closed_at: datetime | None = None

    def exposed_since(self, looked_at: datetime | None, at: datetime) -> datetime | None:
        """Since when it is not protected, None if it is.

        `looked_at` is when its levels were last held against the market; None is not known, and so not since before.
        """
        began = [one for one in (looked_at, self.leaving_since) if one is not None and at - one > USUAL]
        return min(began if looked_at is not None else [*began, at], default=None)
