"""The signal that leaves one trade: by its stops and targets, by a person, or once more what was not done."""

from datetime import datetime

from app.domain.orders import Leg, Side
from app.domain.protection import Level
from app.domain.trading import Signal, exit_key

VERSION = "1"


def exit_signal(
    level: Level,
    leg: Leg,
    *,
    strategy: str,
    price: float,
    reason: str,
    at: datetime,
    found_at: datetime,
    correlation_id: str,
    tick_received_us: int = 0,
) -> Signal:
    """A wish to sell all that a trade holds; its name is the same for the same trade, leg and attempt."""
    return Signal(
        key=exit_key(level.trade_id, leg, level.attempt),
        strategy=strategy,
        version=VERSION,
        symbol=level.symbol,
        interval="",
        bar_end=at,
        leg=leg,
        side=Side.SELL,
        strength=1,
        reason=reason,
        price=price,
        found_at=found_at,
        trade_id=level.trade_id,
        correlation_id=correlation_id,
        tick_received_us=tick_received_us,
    )


def asked_again(
    level: Level, wish: Signal, *, price: float, at: datetime, found_at: datetime, tick_received_us: int = 0
) -> Signal:
    """What was wished of a trade that is still held, as its next attempt: whose wish it is, and why, stays the same."""
    return exit_signal(
        level,
        wish.leg,
        strategy=wish.strategy,
        price=price,
        reason=wish.reason,
        at=at,
        found_at=found_at,
        correlation_id=wish.correlation_id,
        tick_received_us=tick_received_us,
    )
