"""Enter only while the prices of what is held are known: what is worth nobody knows what has no limits."""

from dataclasses import dataclass
from typing import ClassVar

from app.domain.risk import Account
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """What counts as known is said in `app.domain.marks`; of a symbol that does not trade, the last price does."""

    guards_exits: ClassVar[bool] = False

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if not account.old_marks:
            return None
        symbol, age = max(account.old_marks.items(), key=lambda one: one[1])
        return f"no price of {symbol}, which is held, is known now; the last is {age.total_seconds():.0f} s old"

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        ages = {symbol: f"{age.total_seconds():.0f}" for symbol, age in account.old_marks.items()}
        return {"old": str(len(ages)), **ages}
