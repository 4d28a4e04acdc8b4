"""Find what stands still and send it on its way again: lost messages cost time, never an order."""

from collections.abc import Container, Sequence
from datetime import datetime, timedelta

import structlog

from app.domain.orders import OUT_OF_REACH, Order, OrderState
from app.steps.ports import HandOn, Letters, Orders, Resting, Signals

log = structlog.get_logger()

LOOKED_THROUGH = 20  # times as many as are sent: those that are left alone must not hide the others
CRASHES = 3  # dead letters of one step and key, each of a process that was gone
RARELY = timedelta(minutes=5)  # what is held for a person is still asked for, but that is dear


def sweep(
    *,
    orders: Orders,
    signals: Signals,
    sent_again: Resting[str],
    letters: Letters,
    hand_on: HandOn,
    at: datetime,
    patience: timedelta,
    limit: int = 100,
) -> int:
    """How many were sent on; `patience` is how long something may stand still, `limit` how many to take of each.

    What has crashed CRASHES times is left alone until a person deals with its dead letters; an order that was never
    sent expires meanwhile.
    """
    crashing = letters.crashing(CRASHES)
    limit += len(crashing)  # what is left alone is always among the oldest, and must not be in the way of others
    still = [one for one in orders.left_behind(at, patience, limit) if _may_go_on(one, crashing, orders, at)]
    behind = _due(still, sent_again, at)
    for order in behind:
        _send_on(order, hand_on)
    waiting = sent_again.due(signals.undecided(at - patience, limit * LOOKED_THROUGH), at)
    undecided = [key for key in waiting if _is_harmless("approve", key, crashing)][:limit]
    for key in undecided:
        signal = signals.get(key)
        hand_on.signal(key, signal.correlation_id)
        # As long again as it has waited: most likely it waits in its queue, and copies would only make that longer.
        sent_again.quiet([key], at, at + max(patience, at - signal.found_at))
    if behind or undecided:
        log.info("swept", orders=len(behind), signals=len(undecided))
    return len(behind) + len(undecided)


def _due(still: Sequence[Order], sent_again: Resting[str], at: datetime) -> list[Order]:
    """Those that are asked for now."""
    held = [one.client_order_id for one in still if one.reason == OUT_OF_REACH]
    due = sent_again.due(held, at)
    sent_again.quiet(due, at, at + RARELY)
    resting = {*held} - {*due}
    return [one for one in still if one.client_order_id not in resting]


def _may_go_on(order: Order, crashing: Container[tuple[str, str]], orders: Orders, at: datetime) -> bool:
    step = "place" if order.state is OrderState.APPROVED else "settle"
    if _is_harmless(step, order.client_order_id, crashing):
        return True
    if order.state is OrderState.APPROVED and at >= order.expires_at:
        orders.expire(order, "its time to live was over, and each try to send it crashed", at)
    return False


def _is_harmless(step: str, key: str, crashing: Container[tuple[str, str]]) -> bool:
    if (step, key) not in crashing:
        return True
    log.error("left alone, it crashes each time", step=step, key=key, cure="cdb failed list")
    return False


def _send_on(order: Order, hand_on: HandOn) -> None:
    if order.state is OrderState.APPROVED:
        return hand_on.order(order.client_order_id, order.correlation_id)
    return hand_on.settle(order.client_order_id, order.correlation_id, 0)
