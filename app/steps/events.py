"""What the steps tell the topics, and the last prices as money: the small values that several steps share."""

from collections.abc import Iterable
from decimal import Decimal

from app.domain.market import instant
from app.domain.orders import Order
from app.domain.portfolio import Mark
from app.domain.trading import Signal
from app.steps.ports import Prices


def order_event(order: Order) -> dict[str, str]:
    """An order as the topics tell it."""
    return {
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side,
        "leg": order.leg,
        "type": order.type,
        "amount": f"{order.amount:f}",
        "price": f"{order.price:f}",
        "filled": f"{order.filled:f}",
        "state": order.state,
        "correlation_id": order.correlation_id,
    }


def signal_event(signal: Signal) -> dict[str, str]:
    """A signal as the topics tell it."""
    return {
        "key": signal.key,
        "strategy": signal.strategy,
        "symbol": signal.symbol,
        "interval": signal.interval,
        "side": signal.side,
        "leg": signal.leg,
        "strength": str(signal.strength),
        "price": str(signal.price),
        "reason": signal.reason,
        "correlation_id": signal.correlation_id,
    }


def marks(prices: Prices, symbols: Iterable[str]) -> dict[str, Decimal]:
    """The last price of each symbol that was heard, in quote per base."""
    return {symbol: money(price) for symbol, (price, _) in prices.last(symbols).items()}


def last_marks(prices: Prices, symbols: Iterable[str]) -> dict[str, Mark]:
    """The same, each with when the market made it."""
    return {symbol: Mark(money(price), instant(time_us)) for symbol, (price, time_us) in prices.last(symbols).items()}


def money(price: float) -> Decimal:
    """A market price as money: the figure that is written, not the binary one."""
    return Decimal(str(price))
