"""Enter on no old wish: the market that it was about is gone."""

from dataclasses import dataclass
from typing import ClassVar

from app.domain.risk import Account
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """`limit_s` is how long after its bar's end a signal may be acted on, in seconds."""

    limit_s: float = 10

    guards_exits: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.limit_s > 0:
            raise ValueError(f"limit_s {self.limit_s} must be above 0 seconds")

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if intent.age_s <= self.limit_s:
            return None
        return f"the signal is {intent.age_s:.1f} s old, more than {self.limit_s:g} s"

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        return {"age_s": f"{intent.age_s:.3f}", "limit_s": f"{self.limit_s:g}"}
