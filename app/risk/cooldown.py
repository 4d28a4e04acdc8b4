"""Leave a symbol alone for a while after its last trade."""

from dataclasses import dataclass
from typing import ClassVar

from app.domain.risk import Account
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """`limit_s` is how many seconds must pass between leaving a symbol and entering it again; 0 asks for none."""

    limit_s: float = 60

    guards_exits: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.limit_s < 0:
            raise ValueError(f"limit_s {self.limit_s} must be 0 seconds or more")

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        since_s = self._since_s(intent, account)
        if since_s is None or since_s >= self.limit_s:
            return None
        return f"{intent.symbol} was left {since_s:.1f} s ago; it rests for {self.limit_s:g} s"

    def _since_s(self, intent: Intent, account: Account) -> float | None:
        left_at = account.left_at.get(intent.symbol)
        return None if left_at is None else (intent.at - left_at).total_seconds()

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        since_s = self._since_s(intent, account)
        return {"since_s": "never" if since_s is None else f"{since_s:.3f}", "limit_s": f"{self.limit_s:g}"}
