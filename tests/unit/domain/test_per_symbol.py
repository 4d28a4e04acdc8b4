"""Sizes and levels that differ by symbol."""

from datetime import UTC, datetime
from decimal import Decimal

from app.domain.per_symbol import ProtectionBySymbol, SizingBySymbol
from app.domain.portfolio import Trade, TradeStatus
from app.domain.protection import Protection
from app.domain.risk import Account, TradingState
from app.domain.sizing import Sizing
from tests.fixtures.memory.builders import an_instrument

CASH = Decimal(10_000)
RICH = Account(TradingState.ACTIVE, CASH, CASH, CASH, CASH)
NOON = datetime(2024, 11, 20, 12, tzinfo=UTC)


def test_an_entry_is_sized_as_its_symbol_wants_it() -> None:
    sizing = SizingBySymbol(by_symbol={"ETH/USDT": Sizing(max_notional=Decimal(50))})

    assert sizing.amount(RICH, Decimal(100), an_instrument("BTC/USDT")) == 5
    assert sizing.amount(RICH, Decimal(100), an_instrument("ETH/USDT")) == Decimal("0.5")


def test_a_trade_is_protected_as_its_symbol_wants_it() -> None:
    protection = ProtectionBySymbol(by_symbol={"ETH/USDT": Protection(stop_loss=Decimal("0.10"))})

    def stop(symbol: str) -> Decimal | None:
        trade = Trade(1, symbol, "momentum", TradeStatus.OPEN, NOON, entry_price=Decimal(100))
        return protection.protect(trade).stop_price

    assert stop("BTC/USDT") == 98
    assert stop("ETH/USDT") == 90
