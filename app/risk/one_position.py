"""Hold one position per symbol: a second entry waits until the first trade is left."""

from dataclasses import dataclass
from typing import ClassVar

from app.domain.risk import Account
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """A symbol is busy while it has an open trade or a live entry."""

    guards_exits: ClassVar[bool] = False

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if intent.symbol not in account.busy:
            return None
        return f"{intent.symbol} already has an open trade or an entry under way"

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        return {"busy": str(intent.symbol in account.busy).lower(), "symbols_busy": str(len(account.busy))}
