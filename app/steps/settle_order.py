"""Follow an order to its end: ask the venue, book what it proves, and never take silence for an answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.domain.errors import Denied, RateLimited, Refused, Unavailable, VenueError
from app.domain.orders import AT_VENUE, OUT_OF_REACH, TERMINAL, Order, OrderState, Report
from app.domain.protection import Protection
from app.steps.events import order_event
from app.steps.ports import Announce, HandOn, Instruments, Orders, Trading

log = structlog.get_logger()

SHORTEST_PAUSE = timedelta(milliseconds=200)
LONGEST_PAUSE = timedelta(seconds=2)
LONGEST_WAIT = timedelta(seconds=60)  # a countdown near the broker's visibility timeout is delivered twice
NOT_VISIBLE = "NotVisible"
FOLLOWED = timedelta(seconds=10)  # older orders are asked for by the sweep, so that followers do not add up
# MEXC takes timestamps of up to 1,000 ms after its own time ("Timing security"): so far its servers' clocks may differ,
# the one that takes orders from the one that tells the time.
CLOCKS_APART = timedelta(seconds=1)
UNSTAMPED = timedelta(minutes=1)  # how wrong the farm's clock may have been at a claim that kept no stamp
CURE = "look for it on the venue's own page of orders; if it never traded: cdb expire ORDER --reason TEXT"


def settle_order(
    client_order_id: str,
    *,
    orders: Orders,
    trading: Trading,
    instruments: Instruments,
    protection: Protection,
    levels_changed: Callable[[], None],
    hand_on: HandOn,
    announce: Announce,
    now: Callable[[], datetime],
    recv_window: timedelta,
    read_lag: timedelta,
    order_timeout: timedelta,
) -> str | None:
    """The client order id once the order has ended, None while it lives.

    `recv_window` is how long the venue accepts a request, `read_lag` how late its answers may show an order,
    `order_timeout` how long one may rest there before it is cancelled.
    """
    order, at = orders.get(client_order_id), now()
    if not _is_venues(order, at):
        return None
    desk = _Desk(orders, trading, instruments, protection, announce, now, recv_window, read_lag, order_timeout)
    settled, pause = _follow(order, desk, at)
    if (settled.state, settled.filled) != (order.state, order.filled):
        levels_changed()
        announce("execution_events", "orders", order_event(settled), now())
    if settled.state is OrderState.APPROVED:
        hand_on.order(client_order_id, order.correlation_id)
    elif settled.is_live and _age(settled, at) < FOLLOWED:
        hand_on.settle(client_order_id, order.correlation_id, max(pause, _pause(settled, at)).total_seconds())
    return None if settled.is_live else client_order_id


def _is_venues(order: Order, at: datetime) -> bool:
    """Whether the venue may know of it, and nobody is sending it just now.

    It may know of one that expired unsent: a restored database has forgotten what was sent since its copy.
    """
    if order.claimed_at is None or order.state is OrderState.APPROVED:
        return order.state in TERMINAL
    return order.state is not OrderState.SUBMITTING or order.lease_until is None or at >= order.lease_until


def _age(order: Order, at: datetime) -> timedelta:
    return at - (order.claimed_at or order.created_at)


def _pause(order: Order, at: datetime) -> timedelta:
    """As long as it has lived: so each pause doubles the one before, without anyone counting."""
    return min(LONGEST_PAUSE, max(SHORTEST_PAUSE, _age(order, at)))


def _follow(order: Order, desk: "_Desk", at: datetime) -> tuple[Order, timedelta]:
    """The order after asking for it, and the pause that the venue asks for."""
    fields = {"client_order_id": order.client_order_id, "symbol": order.symbol}
    try:
        return desk.settle(order, at), SHORTEST_PAUSE
    except RateLimited as error:
        log.warning("venue wants a pause", **fields, retry_after_s=error.retry_after_s)
        return order, min(LONGEST_WAIT, timedelta(seconds=error.retry_after_s))
    except Unavailable as error:
        log.warning("no answer about an order", **fields, reason=str(error))
    except Denied as error:
        log.error("venue denies access", **fields, reason=str(error), cure=error.cure)
    except Refused as error:
        log.error("venue refuses to tell of an order", **fields, reason=str(error))
    return order, LONGEST_PAUSE


@dataclass(frozen=True, slots=True)
class _Desk:
    orders: Orders
    trading: Trading
    instruments: Instruments
    protection: Protection
    announce: Announce
    now: Callable[[], datetime]
    recv_window: timedelta
    read_lag: timedelta
    order_timeout: timedelta

    def settle(self, order: Order, at: datetime) -> Order:
        if order.state is OrderState.SUBMITTING:
            order = self.orders.doubt(order, "whoever was sending it fell silent", at)
        report = self._looked_up(order, at)
        if report is None:
            return self._absent(order, at)
        if report.state in AT_VENUE and _age(order, at) > self.order_timeout:
            report = self._cancelled(order) or report
        return self._book(order, report)

    def _looked_up(self, order: Order, at: datetime) -> Report | None:
        """What the venue says of it; while it is unclear, each new answer is kept, and that there was none."""
        unclear = order.state is OrderState.UNKNOWN
        try:
            report = self.trading.look_up(order)
        except VenueError as error:
            if unclear:
                self.orders.hear(order, type(error).__name__, str(error), at)
            raise
        if report is None and unclear:
            self.orders.hear(order, NOT_VISIBLE, "the venue shows no such order", at)
        return report

    def _cancelled(self, order: Order) -> Report | None:
        """What the order is after it was asked to end: it may have filled meanwhile."""
        try:
            self.trading.cancel(order)
        except Refused as error:
            log.warning("cancel refused", client_order_id=order.client_order_id, reason=str(error))
        return self.trading.look_up(order)

    def _book(self, order: Order, report: Report) -> Order:
        if report.filled < order.filled:
            log.info("stale answer about an order", client_order_id=order.client_order_id)
            return order
        return self.orders.settle(
            order,
            report,
            instrument=self.instruments.get(order.symbol),
            protection=self.protection,
            at=self.now(),
        )

    def _absent(self, order: Order, at: datetime) -> Order:
        """What to make of an order that the venue does not show under its name, once it has been searched for."""
        if not self._is_worth_a_search(order, at):
            return order
        search = self.trading.search(order)
        if search.report is not None:
            return self._book(order, search.report)
        if order.state is not OrderState.UNKNOWN:
            return order  # the venue has said that it took it, or an end was proved
        if not search.in_reach:
            return self._held(order, at)
        if search.began_at <= self._last_moment(order):
            return order
        reason = "the venue has not got it, and can no longer accept it"
        if at < order.expires_at:
            return self.orders.release(order, reason, at)
        return self.orders.expire(order, reason, at)

    def _is_worth_a_search(self, order: Order, at: datetime) -> bool:
        """By our clock, which proves nothing: searches are dear, and one that comes too early is in vain."""
        if order.state is OrderState.UNKNOWN:
            return _age(order, at) > self.recv_window + CLOCKS_APART + self.read_lag
        return _age(order, at) > self.order_timeout

    def _last_moment(self, order: Order) -> datetime:
        """Until when, by the venue's clock, its silence about the order may mean that it is still on its way."""
        acceptable_until = order.acceptable_until
        if acceptable_until is None:
            acceptable_until = (order.claimed_at or order.created_at) + self.recv_window + UNSTAMPED
        return acceptable_until + CLOCKS_APART + self.read_lag

    def _held(self, order: Order, at: datetime) -> Order:
        """Never expired without proof: it keeps its reservation until a person has looked."""
        if self.orders.hold(order, OUT_OF_REACH, at):
            about = {"client_order_id": order.client_order_id, "symbol": order.symbol}
            log.error("order is out of the venue's reach", **about, cure=CURE)
            self.announce("system_health", "orders", {"event": "order.held", **about, "cure": CURE}, at)
        return order
