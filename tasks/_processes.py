"""What happens when a worker, one of its children, or beat starts."""

import gc
import logging
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from typing import Any

import structlog
from celery.signals import beat_init, setup_logging, worker_init, worker_process_init, worker_ready, worker_shutdown
from redis.exceptions import RedisError

from app import wiring
from app.celery import farm
from app.domain.errors import Missing
from app.domain.parameters import WrongParameter
from app.steps.ports import Ledger, Orders
from app.store import DatabaseError, behind

log = structlog.get_logger()

NOBODY = "rehearsal"
VENUE, FRAMES = "app.exchanges.mexc", "app.steps.tables"
HEAVY = {  # what tasks of a queue use and takes long to load
    "ticks": (FRAMES,),
    "signals": (FRAMES,),
    "risk": (),
    "orders": (VENUE,),
    "upkeep": (VENUE, FRAMES),
}
CHATTY = ("celery.app.trace", "celery.worker.strategy")  # two lines for each task, thousands a minute


@setup_logging.connect
def log_as_the_farm_does(**_: Any) -> None:
    """In the place of Celery's own logging."""
    wiring.logging("celery")
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


@worker_init.connect
def refuse_what_is_wrong(**_: Any) -> None:
    """Stop before the first task if a server, a strategy or a rule is wrong, or the database does not answer; share
    what is loaded with children.
    """
    try:
        wrong = behind(wiring.database()) or _another_purpose()
    except DatabaseError as error:  # Celery would write it down and take tasks, with nothing prepared for them
        raise SystemExit(str(error)) from error
    if wrong:
        raise SystemExit(wrong)
    heavy = needed(farm.amqp.queues.consume_from)
    for name in heavy:
        import_module(name)
    try:
        if FRAMES in heavy:
            wiring.strategies()
        wiring.rules()
    except WrongParameter as error:  # Celery would only write down that, and go on
        raise SystemExit(str(error)) from error
    if "signals" in farm.amqp.queues.consume_from:
        _refuse_other_figures()
    wiring.after_fork()
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def share_nothing_with_the_parent(**_: Any) -> None:
    """Connections are made anew in each child, and what the first order would have to wait for is done before it."""
    wiring.after_fork()
    rehearse(wiring.ledger(), wiring.orders())
    if VENUE in sys.modules:
        wiring.trading()


def _refuse_other_figures() -> None:
    from app.indicators import unlike_ta  # here, since it brings pandas, and few search

    if unlike := unlike_ta():
        raise SystemExit(
            f"{', '.join(unlike)}: not what the library ta gives here; install what requirements.txt names"
        )


def _another_purpose() -> str | None:
    try:
        return wiring.another_purpose()
    except RedisError as error:  # Celery waits for it; whoever puts ticks into it has asked too
        log.info("purpose of the keys not known", reason=str(error))
        return None


def needed(queues: Iterable[str]) -> list[str]:
    """The heavy modules that tasks of these queues use."""
    return sorted({name for queue in queues for name in HEAVY.get(queue, ())})


def rehearse(ledger: Ledger, orders: Orders) -> None:
    """Go the way of an order without one: mappings, statements and connections are made at their first use.

    Nobody's signal and nobody's order are missing, and so may the account be: each transaction is rolled back.
    """
    with suppress(Missing):
        ledger.deciding(NOBODY, {}, wiring.now()).__enter__()
    with suppress(Missing):
        orders.claim(NOBODY, at=wiring.now(), lease=timedelta())


@worker_ready.connect
def arrive(**_: Any) -> None:
    """Tell who started this worker that it consumes."""
    wiring.presence().arrive(os.getpid())


@worker_shutdown.connect
def leave(**_: Any) -> None:
    """And that it does not any more; if Redis is gone, nobody reads it there."""
    try:
        wiring.presence().leave(os.getpid())
    except RedisError as error:
        log.info("farewell not heard", reason=str(error))


@beat_init.connect
def begin_with_what_is_rare(**_: Any) -> None:
    """Beat waits a whole period before the first time; these must not. The first opens the account."""
    for task in ("tasks.upkeep.begin", "tasks.upkeep.refresh_instruments", "tasks.upkeep.retain"):
        farm.tasks[task].apply_async()
