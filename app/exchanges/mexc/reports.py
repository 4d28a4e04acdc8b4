"""MEXC's records of an order and its fills, read as one report that says no more than the fills prove."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.domain.market import instant
from app.domain.orders import TERMINAL, Fill, Order, OrderState, Report, Side

STATES = {
    "NEW": OrderState.OPEN,
    "PARTIALLY_FILLED": OrderState.PARTIALLY_FILLED,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED,
    "PARTIALLY_CANCELED": OrderState.CANCELLED,
    "EXPIRED": OrderState.CANCELLED,
    "REJECTED": OrderState.CANCELLED,
}


def executed(record: Mapping[str, Any]) -> Decimal:
    """What the venue says is filled."""
    return Decimal(str(record.get("executedQty") or 0))


def report(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], booked: Decimal = Decimal(0)) -> Report:
    """The order as the venue shows it; an end is believed only when the fills add up to what it says is filled.

    `booked` is how much is proved already; `rows` may be empty as long as the venue says no more than that.
    """
    claimed = executed(record)
    fills = tuple(sorted(map(fill, rows), key=lambda one: (one.at, one.venue_trade_id)))
    proved = sum((one.amount for one in fills), Decimal(0)) if rows else min(booked, claimed)
    state = STATES.get(str(record["status"]), OrderState.OPEN)
    if state not in TERMINAL or proved < claimed:
        state = OrderState.PARTIALLY_FILLED if proved else OrderState.OPEN
    return Report(str(record["orderId"]), state, proved, fills)


def report_of_fills(order: Order, exchange_order_id: str, rows: Sequence[Mapping[str, Any]], *, ended: bool) -> Report:
    """An order that the venue shows by its fills alone; `ended` is that it certainly works no more."""
    fills = tuple(sorted(map(fill, rows), key=lambda one: (one.at, one.venue_trade_id)))
    filled = sum((one.amount for one in fills), Decimal(0))
    state = OrderState.CANCELLED if ended else OrderState.PARTIALLY_FILLED
    if filled >= order.amount:
        state = OrderState.FILLED
    return Report(exchange_order_id, state, filled, fills)


def fill(row: Mapping[str, Any]) -> Fill:
    """One of MEXC's account trades as a fill."""
    return Fill(
        venue_trade_id=str(row["id"]),
        exchange_order_id=str(row["orderId"]),
        symbol=str(row["symbol"]),
        side=Side.BUY if row["isBuyer"] in (True, "true") else Side.SELL,
        price=Decimal(str(row["price"])),
        amount=Decimal(str(row["qty"])),
        commission=Decimal(str(row.get("commission") or 0)),
        commission_asset=str(row["commissionAsset"]),
        at=instant(int(row["time"]) * 1000),
    )
