"""Enter only while our books and the venue's are known to agree."""

from dataclasses import dataclass
from typing import ClassVar

from app.domain.risk import Account
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """`limit_s` is how old the last reconciliation that succeeded may be, in seconds; a start forgets it."""

    limit_s: float = 120

    guards_exits: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.limit_s > 0:
            raise ValueError(f"limit_s {self.limit_s} must be above 0 seconds")

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if account.reconciled_at is None:
            return "the venue's books were not compared with ours since the start"
        age_s = (intent.at - account.reconciled_at).total_seconds()
        if age_s <= self.limit_s:
            return None
        return f"the venue's books were compared with ours {age_s:.1f} s ago, more than {self.limit_s:g} s"

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        at = "never" if account.reconciled_at is None else account.reconciled_at.isoformat()
        return {"reconciled_at": at, "limit_s": f"{self.limit_s:g}"}
