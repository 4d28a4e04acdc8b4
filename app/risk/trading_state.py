"""Obey the trading state: ACTIVE does all, REDUCING only exits, HALTED only those that no strategy begins."""

from dataclasses import dataclass
from typing import ClassVar

from app.domain.leaving import is_heard
from app.domain.risk import Account, TradingState
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """The state is set by the breaker or by a person; this rule reads it under the lock of the approval.

    HALTED keeps strategies from beginning to leave a trade. What was to be left before goes on, whoever wanted it.
    """

    guards_exits: ClassVar[bool] = True

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if account.state is TradingState.ACTIVE:
            return None
        if account.state is TradingState.REDUCING:
            return None if intent.signal.is_exit else "trading state REDUCING allows no entry"
        if intent.signal.is_exit and (intent.goes_on or is_heard(intent.signal, account.state)):
            return None
        return f"trading state HALTED allows only protective and operator exits, not {intent.signal.leg}"

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        return {"state": account.state, "leg": intent.signal.leg, "goes_on": str(intent.goes_on).lower()}
