"""Queue orders: approved orders go to the venue and are followed to their end.

A lost worker is not followed by a second copy here: who held the claim is unclear, so the sweep looks first.
"""

from datetime import timedelta

from app import wiring
from app.celery import farm
from app.steps.place_order import place_order
from app.steps.settle_order import settle_order
from tasks._base import Step
from tasks._hand_on import hand_on


@farm.task(base=Step)
def place(client_order_id: str) -> str | None:
    """Send an order to the venue, once; returns its client id if this call sent it."""
    return place_order(
        client_order_id,
        orders=wiring.orders(),
        trading=wiring.trading(),
        instruments=wiring.instruments(),
        hand_on=hand_on(),
        lease=wiring.seconds("claim_lease"),
        announce=wiring.topics(),
        now=wiring.clock(),
    )


@farm.task(base=Step)
def settle(client_order_id: str) -> str | None:
    """Book what the venue says of an order; returns its client id once it has ended."""
    return settle_order(
        client_order_id,
        orders=wiring.orders(),
        trading=wiring.trading(),
        instruments=wiring.instruments(),
        protection=wiring.protection(),
        levels_changed=wiring.levels_changed(),
        hand_on=hand_on(),
        announce=wiring.topics(),
        now=wiring.clock(),
        recv_window=timedelta(milliseconds=wiring.settings().recv_window_ms),
        read_lag=wiring.seconds("read_lag"),
        order_timeout=wiring.seconds("order_timeout"),
    )
