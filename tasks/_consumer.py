"""What a worker takes from its queues: a message that is no task becomes a dead letter and stops nobody."""

from collections.abc import Callable
from typing import Any

from celery.utils.log import get_logger
from celery.worker.consumer import Consumer as CelerysConsumer
from kombu.exceptions import KombuError
from kombu.message import Message

from tasks._dead_letters import keep_unknown, keep_unreadable

log = get_logger(__name__)


class NoTask(ValueError):
    """A message does not have the shape of a task."""


class Consumer(CelerysConsumer):
    """Celery's, which would stop at some messages and get them again at its next start.

    The letter is written before the message is let go of: if the worker dies between, it is the same letter again.
    """

    connection_errors: tuple[type[Exception], ...]
    task_consumer: Any  # kombu's; None until the first tasks are consumed

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Close a lost connection without asking it to take back what was not acknowledged.

        That starts a second copy of a task that still runs; and when Redis is gone, kombu 5.7 can fall over its own
        half-closed connection and end the worker. So it does when a task that was taken from it comes to its end.
        The sweep finds what was lost within seconds.
        """
        if self.task_consumer is not None:
            taken = self.task_consumer.channel.qos
            taken.restore_at_shutdown = False
            taken.ack = taken.reject = _too_late
        super().on_connection_error_after_connected(exc)

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Message], Any]:
        """Look at each message before Celery does."""
        receive = super().create_task_handler(*args, **options)

        def on_task_received(message: Message) -> Any:
            wrong = wrong_with(message)
            if wrong is None:
                return receive(message)
            log.error("message is no task: %s", wrong)
            keep_unreadable(message, self.hostname, wrong)
            return message.reject_log_error(log, self.connection_errors)

        return on_task_received

    def on_unknown_task(self, body: Any, message: Message, exc: Exception) -> None:
        """Keep what nobody here can do."""
        keep_unknown(message, self.hostname)
        super().on_unknown_task(body, message, exc)

    def on_invalid_task(self, body: Any, message: Message, exc: Exception) -> None:
        """Keep what Celery finds wrong itself."""
        keep_unreadable(message, self.hostname, exc)
        super().on_invalid_task(body, message, exc)

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        """Keep what could not even be unpacked."""
        keep_unreadable(message, self.hostname, exc)
        super().on_decode_error(message, exc)


def _too_late(delivery_tag: str, requeue: bool = False) -> None:
    """The message comes again after the visibility timeout, and finds its work done."""
    log.info("message %s was taken from a connection that is gone", delivery_tag)


def wrong_with(message: Message) -> Exception | None:
    """Why a message is no task as this farm sends them (Celery's protocol 2), or None."""
    if not all(isinstance(message.headers.get(name), str) for name in ("task", "id")):
        return NoTask("its headers name no task and no id")
    if not _are_limits(message.headers.get("timelimit")):
        return NoTask("its timelimit is not two numbers")
    try:
        payload: Any = message.payload
    except KombuError as error:
        return error
    match payload:
        case [[*_], dict(), dict() | None]:
            return None
    return NoTask("its body is not a list of arguments, named arguments and options")


def _are_limits(limits: Any) -> bool:
    match limits:
        case None | [int() | float() | None, int() | float() | None]:
            return True
    return False
