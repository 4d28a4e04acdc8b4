"""Sends work to the next queue: the port `HandOn` over Celery."""

from collections.abc import Sequence
from typing import Any

import structlog
from celery import current_task
from kombu.exceptions import OperationalError

from app.celery import farm
from app.domain.market import BarClose
from tasks._base import CORRELATION, RECEIVED

log = structlog.get_logger()


class CeleryHandOn:
    """Publishes tasks by name, in bounded time.

    What the database knows of (signals, orders) may get lost on the way: it is logged, and the sweep sends it
    again. Closes are known to nobody else until they are sent, so there the error is the caller's.
    """

    def closes(self, closes: Sequence[BarClose], frame: str, received_us: int) -> None:
        """To signals.find."""
        names = [list(close) for close in closes]
        _signature("tasks.signals.find", names, frame, received_us, about=frame, received_us=received_us).delay()

    def signal(self, key: str, correlation_id: str) -> None:
        """To risk.approve, then orders.place."""
        approve = _signature("tasks.risk.approve", key, about=correlation_id, received_us=received_us())
        place = _signature("tasks.orders.place", about=correlation_id, received_us=received_us())
        self._try(approve | place, key)

    def order(self, client_order_id: str, correlation_id: str, delay_s: float = 0) -> None:
        """To orders.place, after a while."""
        place = _signature("tasks.orders.place", client_order_id, about=correlation_id)
        self._try(place.set(countdown=delay_s or None), client_order_id)

    def settle(self, client_order_id: str, correlation_id: str, delay_s: float) -> None:
        """To orders.settle, after a while."""
        settle = _signature("tasks.orders.settle", client_order_id, about=correlation_id)
        self._try(settle.set(countdown=delay_s), client_order_id)

    def _try(self, signature: Any, key: str) -> None:
        try:
            signature.apply_async()
        except OperationalError as error:
            log.warning("hand-on failed, the sweep will do it", key=key, reason=str(error))


def hand_on() -> CeleryHandOn:
    """The port, as the steps want it."""
    return CeleryHandOn()


def enqueue_drain(shard: int) -> None:
    """Send a drain to a mailbox; the broker's error is the caller's."""
    _signature("tasks.ticks.drain", shard).apply_async(retry=False)


def received_us() -> int | None:
    """When the tick was received that the task at work is about, as far as its message says."""
    headers = current_task.request.headers if current_task else None
    return (headers or {}).get(RECEIVED)


def _signature(task: str, *args: Any, about: str = "", received_us: int | None = None) -> Any:
    headers: dict[str, Any] = {CORRELATION: about, RECEIVED: received_us}
    return farm.tasks[task].s(*args).set(headers={name: value for name, value in headers.items() if value})
