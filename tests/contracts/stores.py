"""A store under test: every port over the same tables, and short ways to what most tests begin with."""

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from app.domain.orders import Fill, Leg, Order, OrderState, Side
from app.domain.protection import Protection
from app.steps.ports import (
    Audits,
    Bars,
    Books,
    Instruments,
    KeptLetters,
    Ledger,
    Letters,
    Orders,
    Signals,
    Ticks,
    Trades,
)
from tests.fixtures.memory.builders import NOON, a_fill, a_report, a_signal, an_exit, an_instrument, an_order

LEASE = timedelta(seconds=10)
LATER = NOON + timedelta(seconds=1)


class AllOfLetters(Letters, KeptLetters, Protocol):
    """Both ports of dead letters, and what a person does about them."""

    def discard(self, number: int, times: int, *, reason: str, by: str, at: datetime) -> bool: ...


@dataclass
class StoreUnderTest:
    """Empty tables behind each port."""

    bars: Bars
    ticks: Ticks
    signals: Signals
    instruments: Instruments
    ledger: Ledger
    orders: Orders
    trades: Trades
    audits: Audits
    books: Books
    letters: AllOfLetters

    @classmethod
    def over(cls, room: Any, tables: Any) -> "StoreUnderTest":
        """Every port of a module, over the same tables."""
        return cls(*(getattr(room, one.name.capitalize())(tables) for one in fields(cls)))

    def opened(self, cash: str = "10000") -> "StoreUnderTest":
        """With an account."""
        self.ledger.open_account(Decimal(cash), NOON)
        return self

    def listed(self, *symbols: str) -> "StoreUnderTest":
        """With symbols that the venue trades."""
        self.instruments.save([an_instrument(symbol) for symbol in symbols], {}, NOON)
        return self

    def entry(self, key: str = "signal-1", **changes: Any) -> Order:
        """An approved entry of one BTC at 100, with its trade; `key` names the signal and the order."""
        symbol = changes.get("symbol", "BTC/USDT")
        self.signals.save(a_signal(key, symbol=symbol))
        with self.ledger.deciding(key, {}, NOON) as decision:
            trade_id = decision.open_trade("momentum")
            order = an_order(f"O-{key}", **{"trade_id": trade_id, "signal_key": key, **changes})
            decision.approve(order)
        return order

    def exit(self, trade_id: int, key: str = "exit-1", *, wanted: bool = False, **changes: Any) -> Order:
        """An approved exit of one BTC at 100; `wanted` keeps with the trade that it is to be left."""
        self.signals.save(an_exit(key, trade_id=trade_id))
        way = {"side": Side.SELL, "leg": Leg.STOP_LOSS, "reserved": Decimal(0)}
        order = an_order(f"O-{key}", **{"trade_id": trade_id, "signal_key": key, **way, **changes})
        with self.ledger.deciding(key, {}, NOON) as decision:
            if wanted:
                decision.leave()
            decision.approve(order)
        return order

    def sent(self, order: Order) -> Order:
        """Claimed."""
        claimed = self.orders.claim(order.client_order_id, at=NOON, lease=LEASE)
        assert claimed is not None
        return claimed

    def settled(
        self,
        order: Order,
        state: OrderState,
        *fills: Fill,
        at: datetime = LATER,
        protection: Protection = Protection(),  # noqa: B008 - a frozen value
    ) -> Order:
        """What the venue says is booked."""
        report = a_report(state, *fills)
        instrument = an_instrument(order.symbol)
        return self.orders.settle(order, report, instrument=instrument, protection=protection, at=at)

    def booked(self, client_order_id: str, *fills: Fill, ended: bool = False) -> Order:
        """Fills of which nobody has heard otherwise, with a stop two per cent below."""
        protection = Protection(stop_loss=Decimal("0.02"))
        terms: dict[str, Any] = {"instrument": an_instrument(fills[0].symbol), "protection": protection, "at": LATER}
        return self.orders.book_fills(client_order_id, fills, ended=ended, **terms)

    def holding(self, key: str = "signal-1", **changes: Any) -> Order:
        """An entry that is filled: one BTC bought at 100 with a fee of 0.05."""
        order = self.sent(self.entry(key, **changes))
        return self.settled(order, OrderState.FILLED, a_fill(f"fill-of-{key}", symbol=order.symbol))


def sale(venue_trade_id: str = "sale-1", **changes: Any) -> Fill:
    """One BTC sold at 100."""
    return replace(a_fill(venue_trade_id, side=Side.SELL), **changes)
