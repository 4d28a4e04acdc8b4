"""Find what stands still and send it on its way again: lost messages cost time, never an order."""

from datetime import datetime, timedelta

import structlog

from app.domain.orders import Order, OrderState
from app.steps.ports import HandOn, Orders, Signals

log = structlog.get_logger()


def sweep(
    *, orders: Orders, signals: Signals, hand_on: HandOn, at: datetime, patience: timedelta, limit: int = 100
) -> int:
    """How many were sent on; `patience` is how long something may stand still, `limit` how many to take of each."""
    behind = orders.left_behind(at, patience, limit)
    for order in behind:
        _send_on(order, hand_on)
    undecided = signals.undecided(at - patience, limit)
    for key in undecided:
        hand_on.signal(key, signals.get(key).correlation_id)
    if behind or undecided:
        log.info("swept", orders=len(behind), signals=len(undecided))
    return len(behind) + len(undecided)


def _send_on(order: Order, hand_on: HandOn) -> None:
    if order.state is OrderState.APPROVED:
        return hand_on.order(order.client_order_id, order.correlation_id)
    return hand_on.settle(order.client_order_id, order.correlation_id, 0)
