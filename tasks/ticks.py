"""Queue ticks: mailboxes become bars. Nothing here is acknowledged; upkeep.wake sends what got lost."""

from app import wiring
from app.celery import farm
from app.steps.drain import drain as drain_mailbox
from tasks._base import Upkeep
from tasks._hand_on import enqueue_drain, hand_on

LINGER_S = 1.2  # the feed's clock marks come in every second


@farm.task(base=Upkeep)
def drain(shard: int) -> int:
    """Empty a mailbox; returns how many ticks were worked through."""
    return drain_mailbox(
        shard,
        mailboxes=wiring.mailboxes(),
        bars=wiring.bars(),
        signals=wiring.signals(),
        trades=wiring.trades(),
        hand_on=hand_on(),
        announce=wiring.topics(),
        again=enqueue_drain,
        intervals=wiring.settings().bar_intervals,
        window_size=wiring.window_size(),
        look_ms=100,
        linger_s=LINGER_S,
        budget_s=5,
        others_wait=_others_wait,
        now=wiring.clock(),
    )


def _others_wait() -> bool:
    """Whether another mailbox waits for a process to drain it."""
    return wiring.queues().waiting(["ticks"]) != 0
