"""Send an approved order to its venue, once: whoever claims it sends it; what is unclear is looked up, not resent."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from app.domain.errors import Denied, RateLimited, Refused, Restricted, Unavailable, Unknown
from app.domain.orders import Order, OrderState
from app.steps.events import order_event
from app.steps.ports import Announce, HandOn, Instruments, Orders, Trading

log = structlog.get_logger()

FIRST_LOOK = timedelta(milliseconds=200)
FOLLOWED = timedelta(seconds=10)  # an order that is older is sent again by the sweep, so that copies do not add up


def place_order(
    client_order_id: str,
    *,
    orders: Orders,
    trading: Trading,
    instruments: Instruments,
    hand_on: HandOn,
    lease: timedelta,
    announce: Announce,
    now: Callable[[], datetime],
) -> str | None:
    """The client order id if this call sent it, None if there was nothing to send or the venue did not take it."""
    order = orders.get(client_order_id)
    if order.state is not OrderState.APPROVED:
        return None
    if _expired(order, orders, now()) or not _has_turn(order, trading, hand_on, now):
        return None
    at = now()  # the claim's time is what the request is signed with: the waiting is over
    if _expired(order, orders, at):
        return None
    stamp = trading.stamp(at)  # kept with the claim: by the venue's clock one can tell when it can take it no more
    claimed = orders.claim(client_order_id, at=at, lease=lease, acceptable_until=stamp.acceptable_until)
    if claimed is None:
        return None
    placed = _submit(claimed, stamp.signed_at, orders, trading, instruments, now)  # what it claims is committed
    announce("execution_events", "orders", order_event(placed), now())
    if placed.state in (OrderState.APPROVED, OrderState.REJECTED):
        return None  # the sweep sends a released one again
    hand_on.settle(client_order_id, order.correlation_id, FIRST_LOOK.total_seconds())
    return client_order_id


def _expired(order: Order, orders: Orders, at: datetime) -> bool:
    if at < order.expires_at:
        return False
    orders.expire(order, "its time to live was over before it was sent", at)
    return True


def _has_turn(order: Order, trading: Trading, hand_on: HandOn, now: Callable[[], datetime]) -> bool:
    """Whether the venue may be asked now; otherwise it is tried again, and nobody has claimed it meanwhile."""
    try:
        trading.await_turn(order)
    except RateLimited as error:
        log.warning(
            "order waits for its turn", client_order_id=order.client_order_id, retry_after_s=error.retry_after_s
        )
        if now() - order.created_at + timedelta(seconds=error.retry_after_s) < FOLLOWED:
            hand_on.order(order.client_order_id, order.correlation_id, error.retry_after_s)
        return False
    except Unavailable as error:
        log.warning("venue not reached", client_order_id=order.client_order_id, reason=str(error))
        return False  # the sweep sends it again
    return True


def _submit(
    order: Order,
    signed_at: datetime,
    orders: Orders,
    trading: Trading,
    instruments: Instruments,
    now: Callable[[], datetime],
) -> Order:
    try:
        exchange_order_id = trading.submit(order, signed_at=signed_at)
    except Restricted as error:
        log.warning("symbol is restricted", symbol=order.symbol, no=error.what, code=error.code)
        instruments.restrict(order.symbol, error.what, str(error), now())
        return orders.reject(order, str(error), now())
    except Refused as error:
        log.warning("order refused by the venue", client_order_id=order.client_order_id, code=error.code)
        return orders.reject(order, str(error), now())
    except Denied as error:
        log.error("venue denies access", client_order_id=order.client_order_id, cure=error.cure)
        return orders.reject(order, f"{error} ({error.cure})", now())
    except Unavailable as error:
        log.warning("venue not reached", client_order_id=order.client_order_id, reason=str(error))
        return orders.release(order, str(error), now())
    except Unknown as error:
        log.warning("order unclear", client_order_id=order.client_order_id, reason=str(error))
        return orders.doubt(order, str(error), now())
    except Exception as error:
        orders.doubt(
            order, repr(error), now()
        )  # a bug of ours is no proof that nothing was sent; the sweep looks it up
        raise
    return orders.accept(order, exchange_order_id, now())
