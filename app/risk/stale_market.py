"""Enter only a market that was heard of lately."""

from dataclasses import dataclass
from typing import ClassVar

from app.domain.risk import Account
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """`limit_s` is how old the symbol's last tick may be, in seconds."""

    limit_s: float = 30

    guards_exits: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.limit_s > 0:
            raise ValueError(f"limit_s {self.limit_s} must be above 0 seconds")

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if intent.market_age_s is None:
            return f"no tick of {intent.symbol} was heard yet"
        if intent.market_age_s <= self.limit_s:
            return None
        return f"the last tick of {intent.symbol} is {intent.market_age_s:.1f} s old, more than {self.limit_s:g} s"

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        age = "none" if intent.market_age_s is None else f"{intent.market_age_s:.3f}"
        return {"market_age_s": age, "limit_s": f"{self.limit_s:g}"}
