"""Enter nothing that the settings do not want: what is held from before may only be left."""

from dataclasses import dataclass
from typing import ClassVar

from app.domain.risk import Account
from app.domain.trading import Intent


@dataclass(frozen=True, slots=True)
class Rule:
    """`symbols` are the wanted ones, empty where they are chosen by volume; `off` are switched off. Commas between."""

    symbols: str = ""
    off: str = ""

    guards_exits: ClassVar[bool] = False

    def objection(self, intent: Intent, account: Account) -> str | None:
        """A sentence, or None."""
        if self._wants(intent.symbol):
            return None
        return f"{intent.symbol} is not among the symbols of the settings; what is held of it is only left"

    def numbers(self, intent: Intent, account: Account) -> dict[str, str]:
        """What it looked at."""
        return {"wanted": str(self._wants(intent.symbol)).lower()}

    def _wants(self, symbol: str) -> bool:
        return symbol not in self.off.split(",") and (not self.symbols or symbol in self.symbols.split(","))
