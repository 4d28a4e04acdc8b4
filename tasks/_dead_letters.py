"""Whatever fails for good becomes a dead letter; a try that another follows does not, nor a link that never ran.

Celery calls from the process that ran the task or, if that is gone, from its parent.
"""

from hashlib import sha256
from typing import Any

from celery.app.task import Context
from celery.signals import task_failure
from kombu.message import Message
from kombu.utils import json

from app import wiring
from app.domain.letters import DeadLetter, storable
from app.steps.keep_letter import keep_letter
from tasks._base import CORRELATION, RERUN, TOLD

NAME = 155  # characters of a name or an id, as in Celery's own table
SHORT, SENTENCE, LONG = 80, 2_000, 10_000
MOST_ATTEMPTS = 1_000_000


class UnknownTask(LookupError):
    """A message asks for a task that this worker does not have."""


@task_failure.connect
def keep_failed(
    sender: Any, task_id: str, exception: BaseException, args: Any, kwargs: Any, einfo: Any, **_: Any
) -> None:
    """Keep a task that failed for good; one that is sent again anyway only if that was a mistake of ours."""
    request = sender.request
    if request.id != task_id:  # a hard time limit is told twice, and the first time without the request
        return
    repeats = getattr(sender, "repeats", False)
    if repeats and isinstance(exception, TOLD):
        return
    _keep(request, sender.name, exception, args, kwargs, repeats=repeats, traceback=_told(einfo.traceback, LONG))


def keep_unknown(message: Message, worker: str) -> None:
    """Keep a message that asks for a task that nobody here knows."""
    name = message.headers["task"]
    error = UnknownTask(f"there is no task {name} here; a worker with other code than the sender's?")
    args, kwargs, embedded = message.payload
    _keep(_context(message, worker, chain=embedded.get("chain")), name, error, args, kwargs)


def keep_unreadable(message: Message, worker: str, error: BaseException) -> None:
    """Keep a message that is no task, with what came."""
    came = f"{message.content_type} {message.headers!r} {message.body!r}"
    context = _context(message, worker)
    if not isinstance(context.id, str):
        context.id = f"unreadable-{sha256(came.encode('utf-8', 'backslashreplace')).hexdigest()[:32]}"
    _keep(context, message.headers.get("task") or "?", error, [], {}, message=_told(came, LONG))


def _keep(request: Context, name: str, error: BaseException, args: Any, kwargs: Any, **more: Any) -> None:
    about = args[0] if args and isinstance(args[0], str) else ""
    letter = DeadLetter(
        task_id=_short(request.id, NAME),
        name=_short(name, NAME),
        kind=_short(type(error).__name__, NAME),
        error=_told(error, SENTENCE),
        at=wiring.now(),
        args=json.dumps(args),
        kwargs=json.dumps(kwargs),
        chain=json.dumps(request.chain or []),
        about=_short(about),
        root_id=_short(request.root_id, NAME),
        parent_id=_short(request.parent_id, NAME),
        queue=_short((request.delivery_info or {}).get("routing_key")),
        worker=_short(request.hostname, NAME),
        correlation_id=_short((request.headers or {}).get(CORRELATION)),
        attempts=_attempts(request.retries),
        run=_run(request.headers),
        **more,
    )
    keep_letter(letter, letters=wiring.letters(), aside=wiring.letters_aside())


def _context(message: Message, worker: str, **more: Any) -> Context:
    """A message's headers as a task would see them."""
    return Context({**message.headers, "delivery_info": message.delivery_info, "hostname": worker, **more})


def _attempts(retries: Any) -> int:
    return min(max(retries, 0), MOST_ATTEMPTS) + 1 if isinstance(retries, int) else 1


def _run(headers: Any) -> int:
    run = (headers or {}).get(RERUN)
    return run if isinstance(run, int) else 0


def _short(value: Any, most: int = SHORT) -> str:
    return storable(str(value or ""), most)


def _told(value: Any, most: int) -> str:
    return storable(wiring.without_secrets(str(value)), most)
