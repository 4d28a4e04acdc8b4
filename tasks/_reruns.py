"""Sends failed tasks once more, and hears what became of them: the port `Reruns` over Celery."""

from importlib import import_module
from typing import Any

import structlog
from celery.signals import task_success
from kombu.exceptions import OperationalError
from kombu.utils import json
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import wiring
from app.celery import farm
from app.domain.letters import DeadLetter
from app.domain.rerun import NotSent
from app.steps.rerun_letters import Desk
from app.store import DatabaseError
from tasks._base import CORRELATION, RERUN

log = structlog.get_logger()


@task_success.connect
def tell_success(sender: Any, result: Any, **_: Any) -> None:
    """A re-run has ended well: its letter is done. If that cannot be written, `recall_reruns` finds out."""
    request = sender.request
    run = (request.headers or {}).get(RERUN)
    if not isinstance(run, int):
        return
    note = "its re-run ended its chain" if result is None else f"its re-run returned {result}"
    try:
        wiring.letters().finish(request.id, run, note, wiring.now())
    except (DatabaseError, SQLAlchemyError) as error:
        log.warning("end of a re-run is not written", letter=sender.name, task_id=request.id, reason=str(error))


class CeleryReruns:
    """Publishes them under their own ids, with what has not run of their chains."""

    def obstacle(self, letter: DeadLetter) -> str:
        """Why nobody here could run it, or nothing."""
        task = farm.tasks.get(letter.name)
        if task is None:
            return f"there is still no task {letter.name}; start workers, and this, with code that has it"
        if getattr(task, "repeats", False):
            return "the farm sends this task again by itself"
        return _misfit(task, letter)

    def send(self, letter: DeadLetter, run: int) -> None:
        """With the same headers, and the number of this run besides; NotSent if the broker did not take it."""
        task: Any = farm.tasks[letter.name]
        about = {CORRELATION: letter.correlation_id} if letter.correlation_id else {}
        try:
            task.apply_async(
                json.loads(letter.args),
                json.loads(letter.kwargs),
                task_id=letter.task_id,
                root_id=letter.root_id or letter.task_id,
                parent_id=letter.parent_id or None,
                chain=json.loads(letter.chain) or None,
                headers={RERUN: run, **about},
            )
        except (OperationalError, RedisError) as error:
            raise NotSent(str(error)) from error


def _misfit(task: Any, letter: DeadLetter) -> str:
    try:
        args, kwargs, chain = (json.loads(text) for text in (letter.args, letter.kwargs, letter.chain))
        task.__header__(*args, **kwargs)
    except (ValueError, TypeError) as error:
        return f"its arguments are not those of {letter.name}: {error}"
    strange = {_name(link) for link in chain} - farm.tasks.keys()
    return f"the rest of its chain is unknown here: {', '.join(sorted(strange))}" if strange else ""


def _name(link: Any) -> str:
    return str(link.get("task")) if isinstance(link, dict) else "?"


def rerun_desk() -> Desk:
    """Where plans read what is true now."""
    return Desk(wiring.signals(), wiring.orders(), wiring.ledger(), wiring.searched(), wiring.seconds("signal_ttl"))


def reruns() -> CeleryReruns:
    """The port, in a process that knows every task: the module of each is named as its queue."""
    for queue in farm.amqp.queues:
        import_module(f"tasks.{queue}")
    return CeleryReruns()
