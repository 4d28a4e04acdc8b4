"""Sizes and protective levels that differ by symbol, in the place of those that are the same for all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from app.domain.market import Instrument
from app.domain.portfolio import Trade
from app.domain.protection import Protection
from app.domain.risk import Account
from app.domain.sizing import Sizing


@dataclass(frozen=True, slots=True)
class SizingBySymbol(Sizing):
    """Sizes an entry as its symbol wants it."""

    by_symbol: Mapping[str, Sizing] = field(default_factory=dict)

    def amount(self, account: Account, price: Decimal, instrument: Instrument) -> Decimal:
        """The amount to buy, floored to the step; zero where there is no room."""
        own = self.by_symbol.get(instrument.symbol)
        return Sizing.amount(own or self, account, price, instrument)


@dataclass(frozen=True, slots=True)
class ProtectionBySymbol(Protection):
    """Protects a trade as its symbol wants it."""

    by_symbol: Mapping[str, Protection] = field(default_factory=dict)

    def protect(self, trade: Trade) -> Trade:
        """The trade with its levels, reckoned from its entry price."""
        own = self.by_symbol.get(trade.symbol)
        return Protection.protect(own or self, trade)
