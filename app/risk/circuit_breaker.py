"""Enter no more once the day has lost too much; the breaker itself halts the account."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from app.domain.risk import Account
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """`limit` is the fall from the equity at the day's opening (00:00 UTC), as a share of it."""

    limit: Decimal = Decimal("0.10")

    guards_exits: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 < self.limit < 1:
            raise ValueError(f"limit {self.limit} is not a share between 0 and 1")

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if account.day_loss < self.limit:
            return None
        return f"loss {account.day_loss:.2%} since the day opened at {account.day_open:.2f} reached {self.limit:.2%}"

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        return {"day_loss": f"{account.day_loss:.6f}", "day_open": f"{account.day_open:f}", "limit": f"{self.limit:f}"}
