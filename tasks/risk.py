"""Queue risk: signals become approved orders, or are refused."""

from app import wiring
from app.celery import farm
from app.domain.orders import OrderType
from app.steps.approve_signal import approve_signal
from tasks._base import Step


@farm.task(base=Step, retry_on_worker_lost=True)
def approve(signal_key: str) -> str | None:
    """Reserve exposure for a signal, or refuse it; returns the order's client id."""
    return approve_signal(
        signal_key,
        signals=wiring.signals(),
        ledger=wiring.ledger(),
        free=wiring.free_balance,
        instruments=wiring.instruments(),
        prices=wiring.prices(),
        rules=wiring.rules(),
        breaker=wiring.breaker(),
        sizing=wiring.sizing(),
        order_type=OrderType(wiring.settings().order_type),
        slippage=wiring.settings().slippage,
        exit_slippage=wiring.settings().exit_slippage,
        time_to_live=wiring.seconds("signal_ttl"),
        announce=wiring.topics(),
        now=wiring.clock(),
    )
