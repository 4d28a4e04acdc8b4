"""Enter on nothing that was seen through a gap."""

from dataclasses import dataclass
from typing import ClassVar

from app.domain.risk import Account
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """A window is whole when the feed heard all of the market that its bars stand for."""

    guards_exits: ClassVar[bool] = False

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if intent.signal.window_whole:
            return None
        return f"the window of {intent.symbol} {intent.signal.interval} has a gap; it is filled by the next warm-up"

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        return {"window_whole": str(intent.signal.window_whole).lower()}
