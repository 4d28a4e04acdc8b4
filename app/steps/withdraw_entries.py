"""Withdraw entries that a halt came too late for: what is not sent expires, what rests at the venue is cancelled."""

from datetime import datetime

import structlog

from app.domain.errors import Missing, VenueError
from app.domain.orders import AT_VENUE, Order, OrderState
from app.domain.risk import TradingState
from app.steps.ports import Ledger, Orders, Trading

log = structlog.get_logger()
REASON = "trading was halted"


def withdraw_entries(*, ledger: Ledger, orders: Orders, trading: Trading, at: datetime) -> int:
    """How many entries were withdrawn, none unless trading is HALTED.

    What a cancelled one has bought, settling books. One that is being sent, or unclear, is withdrawn once it shows.
    """
    try:
        state = ledger.account({}, at).state
    except Missing:  # there is no account yet, and so no entry
        return 0
    if state is not TradingState.HALTED:
        return 0
    return sum(_withdraw(order, orders, trading, at) for order in orders.live_entries())


def _withdraw(order: Order, orders: Orders, trading: Trading, at: datetime) -> bool:
    if order.state is OrderState.APPROVED:
        return orders.expire(order, REASON, at).state is OrderState.EXPIRED
    if order.state not in AT_VENUE:
        return False
    try:
        trading.cancel(order)
    except VenueError as error:
        log.warning("entry not withdrawn", client_order_id=order.client_order_id, reason=str(error))
        return False
    return True
