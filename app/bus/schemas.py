"""What the messages of each topic look like, as JSON schemas: for whoever listens from outside."""

from typing import Any

from app.domain.orders import Leg, OrderState, OrderType, Side

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
MONEY: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "description": "an exact decimal number"}
FIGURE: Schema = {"type": "string", "description": "a number as text"}
MAYBE: Schema = {"type": ["string", "null"]}
SIDE: Schema = {"enum": [str(side) for side in Side]}
LEG: Schema = {"enum": [str(leg) for leg in Leg]}


def _object(description: str, *, more: bool = False, **fields: Schema) -> Schema:
    return {
        "description": description,
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": more,
    }


def _message(topic: str, description: str, *data: Schema) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": topic,
        "description": description,
        "type": "object",
        "properties": {
            "event_id": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "another one each time"},
            "timestamp": {"type": "string", "format": "date-time", "description": "UTC"},
            "service": {"type": "string", "description": "who tells it"},
            "data": data[0] if len(data) == 1 else {"anyOf": list(data)},
        },
        "required": ["event_id", "timestamp", "service", "data"],
        "additionalProperties": False,
    }


ORDER = _object(
    "an order; amounts in base, price in quote currency",
    client_order_id=TEXT,
    symbol=TEXT,
    side=SIDE,
    leg=LEG,
    type={"enum": [str(kind) for kind in OrderType]},
    amount=MONEY,
    price=MONEY,
    filled=MONEY,
    state={"enum": [str(state) for state in OrderState]},
    correlation_id=TEXT,
)
SIGNAL = _object(
    "a strategy's wish, or a level that was hit",
    key=TEXT,
    strategy=TEXT,
    symbol=TEXT,
    interval=TEXT,
    side=SIDE,
    leg=LEG,
    strength=FIGURE,
    price=FIGURE,
    reason=TEXT,
    correlation_id=TEXT,
)
HEALTH = (
    _object(
        "the account was valued, every few seconds; money in quote currency, exposure and drawdown as shares",
        trading_state=TEXT,
        equity=MONEY,
        cash=MONEY,
        exposure=MONEY,
        drawdown=MONEY,
        old_prices_s={"type": "object", "additionalProperties": {"type": "integer"}},
    ),
    _object("the trading state was tightened", trading_state=TEXT, reason=TEXT),
    _object("a service became ready, or is not any more", service=TEXT, healthy={"type": "boolean"}, reason=MAYBE),
    _object("what differs between the venue's books and ours", more=True, kind=TEXT, subject=TEXT, told=TEXT),
    _object("something needs a person", more=True, event=TEXT),
    _object("the venue's clock and ours differ too much", more=True, alarm=TEXT),
)
SCHEMAS: dict[str, Schema] = {
    "market_data": _message(
        "market_data",
        "the last price of each symbol that was heard since the message before, about once a second",
        _object("by symbol", prices={"type": "object", "additionalProperties": {"type": "number"}}),
    ),
    "trading_signals": _message("trading_signals", "each signal when it is found", SIGNAL),
    "risk_approved_trades": _message("risk_approved_trades", "each order when it is approved", ORDER),
    "execution_events": _message("execution_events", "each order when it is sent, fills or ends", ORDER),
    "system_health": _message("system_health", "the account, services, and what needs a person", *HEALTH),
}
