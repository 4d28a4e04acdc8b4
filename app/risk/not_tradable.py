"""Enter nothing that the venue would refuse: some symbols trade on its site but not over its API."""

from dataclasses import dataclass
from typing import ClassVar

from app.domain.risk import Account
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """The venue says so itself, in the instruments that were last read from it, or by refusing an order.

    What is held must be sold all the same: a suspension of seconds is known here until the rules are read again, and
    only the venue knows when it is over. An exit that it refuses costs a request, and rests before the next.
    """

    guards_exits: ClassVar[bool] = False

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if intent.instrument.tradable:
            return None
        return f"{intent.symbol} cannot be traded over the venue's API"

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        return {"tradable": str(intent.instrument.tradable).lower()}
