"""Enter no more once equity has fallen too far from the day's high."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from app.domain.risk import Account
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """`limit` is the fall from the high of the day (UTC), realised and unrealised, as a share of that high."""

    limit: Decimal = Decimal("0.05")

    guards_exits: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 < self.limit < 1:
            raise ValueError(f"limit {self.limit} is not a share between 0 and 1")

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if account.drawdown < self.limit:
            return None
        return f"drawdown {account.drawdown:.2%} from the day's high {account.day_high:.2f} reached {self.limit:.2%}"

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        return {"drawdown": f"{account.drawdown:.6f}", "day_high": f"{account.day_high:f}", "limit": f"{self.limit:f}"}
