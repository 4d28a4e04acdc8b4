"""Keep each trade between a smallest and a largest size."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from app.domain.risk import Account
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """`min_notional` and `max_notional` bound an entry, in quote currency; an exit only has to have an amount."""

    min_notional: Decimal = Decimal(10)
    max_notional: Decimal = Decimal(1000)

    guards_exits: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 < self.min_notional <= self.max_notional:
            raise ValueError(f"0 < {self.min_notional} <= {self.max_notional} must hold for min_notional, max_notional")

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if intent.amount <= 0:
            return self._nothing(intent, account)
        if intent.signal.is_exit or self.min_notional <= intent.notional <= self.max_notional:
            return None
        if intent.notional < self.min_notional:
            return f"size {intent.notional:.2f} is below the smallest trade of {self.min_notional:f}"
        return f"size {intent.notional:.2f} is above the largest trade of {self.max_notional:f}"

    def _nothing(self, intent: Intent, account: Account) -> str:
        if intent.signal.is_exit:
            return f"what is left of {intent.symbol} is less than the venue lets anyone sell"
        least = max(self.min_notional, intent.instrument.min_notional, intent.instrument.min_amount * intent.price)
        return (
            f"limits and balance leave less than the smallest order of {least:.2f}: {account.free:.2f} free, "
            f"exposure {account.exposure_share:.2%} of equity {account.equity:.2f}"
        )

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        return {
            "amount": f"{intent.amount:f}",
            "notional": f"{intent.notional:f}",
            "free": f"{account.free:f}",
            "min_notional": f"{self.min_notional:f}",
            "max_notional": f"{self.max_notional:f}",
        }
