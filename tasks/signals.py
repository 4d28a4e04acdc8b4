"""Queue signals: closed bars become signals."""

from app import wiring
from app.celery import farm
from app.steps.find_signals import find_signals
from tasks._base import Step
from tasks._hand_on import hand_on


@farm.task(base=Step, retry_on_worker_lost=True)
def find(closes: list[list[str]], frame: str, received_us: int) -> int:
    """Look for signals at closed bars; returns how many were found, each of which goes its own way."""
    found = find_signals(
        closes,
        frame=frame,
        received_us=received_us,
        windows=wiring.windows(),
        strategies=wiring.strategies(),
        signals=wiring.signals(),
        searched=wiring.searched(),
        worth=wiring.seconds("signal_ttl"),
        hand_on=hand_on(),
        announce=wiring.topics(),
        at=wiring.now(),
    )
    return len(found)
