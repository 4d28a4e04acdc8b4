"""Obey the trading state: ACTIVE does all, REDUCING only exits, HALTED only protective and operator exits."""

from dataclasses import dataclass
from typing import ClassVar

from app.domain.orders import Leg
from app.domain.risk import Account, TradingState
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """The state is set by the breaker or by a person; this rule reads it under the lock of the approval."""

    guards_exits: ClassVar[bool] = True

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if account.state is TradingState.ACTIVE:
            return None
        if account.state is TradingState.REDUCING:
            return None if intent.signal.is_exit else "trading state REDUCING allows no entry"
        if intent.signal.is_protective or intent.signal.leg is Leg.OPERATOR_EXIT:
            return None
        return f"trading state HALTED allows only protective and operator exits, not {intent.signal.leg}"

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        return {"state": account.state, "leg": intent.signal.leg}
