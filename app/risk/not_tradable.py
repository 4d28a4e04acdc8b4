"""Send no order that the venue would refuse: some symbols trade on its site but not over its API."""

from dataclasses import dataclass
from typing import ClassVar

from app.domain.risk import Account
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """The venue says so itself, in the instruments that were last read from it."""

    guards_exits: ClassVar[bool] = True

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if intent.instrument.tradable:
            return None
        return f"{intent.symbol} cannot be traded over the venue's API"

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        return {"tradable": str(intent.instrument.tradable).lower()}
