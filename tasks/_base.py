"""What the farm's tasks have in common: their context in logs, how they end a chain, and when they try again."""

from random import uniform
from typing import Any

import structlog
from billiard.einfo import ExceptionInfo
from celery import Task
from celery.signals import before_task_publish
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import OutOfMemoryError as RedisFull
from redis.exceptions import TimeoutError as RedisSlow
from sqlalchemy.exc import OperationalError as DatabaseAway

from app import wiring
from app.bus import SENT
from app.domain.errors import Denied, Unavailable
from app.domain.market import microseconds
from app.steps.find_signals import FindFailed
from app.store import DatabaseError

CORRELATION = "cdb_correlation_id"
RECEIVED = "cdb_received_us"  # when the tick came in that it all began with, by the farm's clock
RERUN = "cdb_rerun"
AWAY = (Unavailable, DatabaseError, DatabaseAway, RedisGone, RedisSlow, RedisFull, BrokerError)
TOLD = (*AWAY, Denied)  # a sentence says it all, a traceback would hide it

log = structlog.get_logger()


@before_task_publish.connect
def stamp(headers: dict[str, Any], **_: Any) -> None:
    """Say in each message when it was sent, so that one can tell how old a queue is."""
    headers[SENT] = microseconds(wiring.now())


def hush(error: BaseException | None) -> None:
    """Take what is secret out of an error's words, and out of those that it came of."""
    while error is not None:
        error.args = tuple(wiring.without_secrets(one) if isinstance(one, str) else one for one in error.args)
        error = error.__cause__ or error.__context__


class Upkeep(Task[Any, Any]):
    """A task that something else sends again: if the world is away it is not tried again, only told."""

    throws = TOLD
    repeats = True  # the same task comes again: its failures are one dead letter, and what is TOLD is none

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self.run(*args, **kwargs)
        except Exception as error:  # its words go to results, events and Flower, which ask nobody
            hush(error)
            raise

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """Put the task and its correlation id on every log line."""
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(task=self.name, task_id=task_id)
        correlation_id = (self.request.headers or {}).get(CORRELATION)
        if correlation_id:
            structlog.contextvars.bind_contextvars(correlation_id=correlation_id)

    def on_retry(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: ExceptionInfo) -> None:
        """Say that it will be tried again."""
        log.warning("task is tried again", attempt=self.request.retries + 1, reason=str(exc))

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: ExceptionInfo) -> None:
        """Say what is expected to happen now and then in a sentence; Celery writes tracebacks of the rest."""
        if isinstance(exc, Denied):
            log.error("venue denies access", reason=str(exc), cure=exc.cure)
        elif isinstance(exc, AWAY):
            log.warning("task gave up", reason=str(exc))

    def after_return(
        self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: ExceptionInfo
    ) -> None:
        """Leave nothing on the lines of the next task."""
        structlog.contextvars.clear_contextvars()


class Step(Upkeep):
    """A link of a chain: returns the key that goes to the next one, or None to end the chain, as a success.

    When the world is away it is tried again after 1, 2, 4 … seconds and a little, six times, and then fails.
    """

    repeats = False
    autoretry_for = (*AWAY, FindFailed)
    max_retries = 6
    default_retry_delay = 1  # after a lost process; otherwise the back-off reckons
    retry_backoff = 1
    retry_backoff_max = 30
    retry_jitter = False  # Celery's may be none at all; `retry` has its own
    ignore_result = False
    acks_late = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        handed_on = super().__call__(*args, **kwargs)
        if handed_on is None:
            self.request.chain = None
        return handed_on

    def retry(self, *args: Any, **options: Any) -> Any:
        """Try again, but for a moment more or less: what failed together should not come back together.

        Never at once: this try's RETRY would be stored after the next one's outcome, and hide it.
        """
        hush(options.get("exc"))
        delay = options.get("countdown") or self.default_retry_delay
        return super().retry(*args, **{**options, "countdown": delay + uniform(0.1, 0.5)})
