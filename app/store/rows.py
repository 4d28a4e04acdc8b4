"""Between rows and the domain's values, both ways."""

from dataclasses import fields
from typing import Any

from sqlalchemy import Row

from app.domain.market import Bar, Instrument
from app.domain.orders import Leg, Order, OrderState, OrderType, Side
from app.domain.portfolio import Trade, TradeStatus
from app.domain.trading import Signal
from models import InstrumentRow, OrderRow, SignalRow, TradeRow

ORDER_FIELDS = tuple(field.name for field in fields(Order))
TRADE_FIELDS = tuple(field.name for field in fields(Trade) if field.name not in ("id", "opened_at"))
TRADE_COLUMNS = tuple(getattr(TradeRow, name) for name in ("id", "timestamp", *TRADE_FIELDS))
BAR_FIELDS = tuple(field.name for field in fields(Bar))
INSTRUMENT_FIELDS = tuple(field.name for field in fields(Instrument))


def order(row: OrderRow) -> Order:
    """The order in a row."""
    values: dict[str, Any] = {name: getattr(row, name) for name in ORDER_FIELDS}
    values |= {
        "side": Side(row.side),
        "leg": Leg(row.leg),
        "type": OrderType(row.type),
        "state": OrderState(row.state),
    }
    return Order(**values)


def trade(row: TradeRow | Row[Any]) -> Trade:
    """The trade in a row, or in its `TRADE_COLUMNS`."""
    values: dict[str, Any] = {name: getattr(row, name) for name in TRADE_FIELDS}
    return Trade(id=row.id, opened_at=row.timestamp, **values | {"status": TradeStatus(row.status)})


def write_trade(row: TradeRow, trade: Trade) -> None:
    """The trade's figures into its row."""
    for name in TRADE_FIELDS:
        setattr(row, name, getattr(trade, name))
    row.realised = trade.realised


def instrument(row: InstrumentRow) -> Instrument:
    """The instrument in a row."""
    return Instrument(**{name: getattr(row, name) for name in INSTRUMENT_FIELDS})


def signal(row: SignalRow) -> Signal:
    """The signal in a row."""
    return Signal(
        key=row.key,
        strategy=row.strategy,
        version=row.engine_version,
        symbol=row.symbol,
        interval=row.interval,
        bar_end=row.timestamp,
        leg=Leg(row.leg),
        side=Side(row.signal_type.lower()),
        strength=row.strength,
        reason=row.reason,
        price=row.price,
        found_at=row.found_at,
        bar_fingerprint=row.bar_fingerprint,
        indicators=row.indicators,
        indicators_before=row.indicators_before,
        window_bars=row.window_bars,
        window_since=row.window_since,
        window_whole=row.window_whole,
        trade_id=row.trade_id,
        correlation_id=row.correlation_id,
        tick_received_us=row.tick_received_us,
    )


def signal_values(one: Signal) -> dict[str, Any]:
    """A signal as the columns of its row, not yet decided."""
    return {
        "key": one.key,
        "symbol": one.symbol,
        "signal_type": one.side.upper(),
        "strength": one.strength,
        "timestamp": one.bar_end,
        "engine_version": one.version,
        "strategy": one.strategy,
        "interval": one.interval,
        "leg": one.leg,
        "reason": one.reason,
        "price": one.price,
        "bar_fingerprint": one.bar_fingerprint,
        "indicators": dict(one.indicators),
        "indicators_before": dict(one.indicators_before),
        "window_bars": one.window_bars,
        "window_since": one.window_since,
        "window_whole": one.window_whole,
        "trade_id": one.trade_id,
        "correlation_id": one.correlation_id,
        "tick_received_us": one.tick_received_us,
        "found_at": one.found_at,
        "status": "found",
    }
