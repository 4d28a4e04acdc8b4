"""Hold no more than a share of equity in positions and approved entries together."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from app.domain.risk import ZERO, Account
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """`limit` is (positions at mark + reservations + this order) over equity, all in quote currency."""

    limit: Decimal = Decimal("0.30")

    guards_exits: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 < self.limit < 1:
            raise ValueError(f"limit {self.limit} is not a share between 0 and 1")

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if account.equity <= ZERO:
            return f"there is no equity to trade with: {account.equity:.2f}"
        after = account.exposure + account.reserved + intent.notional
        if after <= account.equity * self.limit:
            return None
        return f"exposure would be {after:.2f}, {after / account.equity:.2%} of equity; the limit is {self.limit:.2%}"

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        return {
            "exposure": f"{account.exposure:f}",
            "reserved": f"{account.reserved:f}",
            "notional": f"{intent.notional:f}",
            "equity": f"{account.equity:f}",
            "limit": f"{self.limit:f}",
        }
