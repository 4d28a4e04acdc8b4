"""Celery's results in the database, by way of Redis: a transaction for each would cost more than most tasks."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import msgspec
import structlog
from celery.backends.database import DatabaseBackend
from celery.exceptions import BackendStoreError
from celery.states import REVOKED, SUCCESS
from kombu.utils.encoding import ensure_bytes
from redis.exceptions import RedisError
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError

from app import wiring
from app.bus import TaskResult
from app.celery import farm

log = structlog.get_logger()

EXPIRED = "expired"  # Celery's own word
AT_ONCE = 500
KEY = "task_id"
WRONG = (DataError, IntegrityError, ValueError)  # with the row, not with the database


class Results(DatabaseBackend):
    """Results are for people to look at: one that cannot be stored stops neither its task nor its dead letter.

    Each is put aside in Redis, where it outlives its worker, and upkeep brings them to the database, many at once.
    Whoever asks for one has them brought at once. While Redis is away they go to the database one by one.
    """

    app: Any
    url: str
    session_manager: Any
    task_cls: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Migrations make its tables. It would look for them ten times, and wait, while the database is away.
        self.session_manager.prepared = True

    def store_result(self, task_id: str, result: Any, state: str, *args: Any, **options: Any) -> Any:
        """Store what became of a task, or say that it could not be stored."""
        try:
            return super().store_result(task_id, result, state, *args, **options)
        except BackendStoreError as error:
            _not_stored(task_id, state, error.__cause__ or error)
            return result

    def mark_as_revoked(
        self, task_id: str, reason: str = "", request: Any = None, store_result: bool = True, state: str = REVOKED
    ) -> None:
        """A beat that came too late leaves no result.

        A worker's parent stores it: while many wait, more came in than it got rid of.
        """
        wanted = store_result and reason != EXPIRED
        super().mark_as_revoked(task_id, reason, request=request, store_result=wanted, state=state)

    def write_waiting(self) -> int:
        """Bring to the database what waits for it, oldest first; how many, and the error if one of both is away."""
        aside, written = wiring.results_aside(), 0
        while True:
            some, last = aside.oldest(AT_ONCE)
            if not last:
                return written
            self._write(some)
            aside.drop(last)
            written += len(some)

    def _store_result(
        self, task_id: str, result: Any, state: str, traceback: Any = None, request: Any = None, **_: Any
    ) -> None:
        kept = self._kept(task_id, result, state, traceback, request)
        try:
            taken = wiring.results_aside().put(kept)
        except RedisError as error:
            log.warning("result goes straight to the database", task_id=task_id, reason=str(error))
            taken = False
        if not taken:
            self._upsert([msgspec.structs.asdict(kept)])

    def _kept(self, task_id: str, result: Any, state: str, traceback: Any, request: Any) -> TaskResult:
        """As Celery would have it, but for the time of a try that another follows: without it, it is never deleted."""
        children = self.current_task_children(request)
        return TaskResult(
            task_id,
            state,
            self.app.now().replace(tzinfo=None),
            result=self._bytes(result),
            traceback=traceback,
            name=getattr(request, "task", None),
            args=self._bytes(getattr(request, "args", None)),
            kwargs=self._bytes(getattr(request, "kwargs", None)),
            worker=getattr(request, "hostname", None),
            retries=getattr(request, "retries", None),
            queue=(getattr(request, "delivery_info", None) or {}).get("routing_key"),
            children=self._bytes(children) if children else None,
        )

    def _bytes(self, value: Any) -> bytes:
        return ensure_bytes(self.encode(value))

    def _get_task_meta_for(self, task_id: str) -> Any:
        with suppress(RedisError):
            self.write_waiting()
        return super()._get_task_meta_for(task_id)  # type: ignore[misc]

    def _write(self, results: Sequence[TaskResult]) -> None:
        """In one transaction, or if the database does not take one of them, each by itself."""
        rows = _last_of_each(results)
        try:
            self._upsert(rows)
        except WRONG as error:
            log.warning("results are written one by one", reason=str(error))
            for row in rows:
                self._write_alone(row)

    def _write_alone(self, row: dict[str, Any]) -> None:
        try:
            self._upsert([row])
        except WRONG as error:
            _not_stored(row[KEY], row["status"], error)

    def _upsert(self, rows: Sequence[dict[str, Any]]) -> None:
        table = self.task_cls.__table__
        with self.ResultSession() as session:
            dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
            insert = dialect.insert(table)
            changed = {name: insert.excluded[name] for name in rows[0] if name != KEY}
            # As with Celery, a success stays. An older one may come late, if it waited while a newer one did not.
            better = (table.c.status != SUCCESS) & (table.c.date_done <= insert.excluded.date_done)
            unknown = table.c.date_done.is_(None) & (table.c.status != SUCCESS)
            upsert = insert.on_conflict_do_update(index_elements=[KEY], set_=changed, where=better | unknown)
            session.connection().execute(upsert, rows)
            session.commit()


def results() -> Results:
    """This process's."""
    found: Any = farm.backend
    return cast(Results, found)


def _last_of_each(results: Sequence[TaskResult]) -> list[dict[str, Any]]:
    """What stays of several results of one task, by the order of their keys, so that two who write do not lock up."""
    last: dict[str, TaskResult] = {}
    for result in results:
        if result.task_id not in last or last[result.task_id].status != SUCCESS:
            last[result.task_id] = result
    return [msgspec.structs.asdict(last[task_id]) for task_id in sorted(last)]


def _not_stored(task_id: str, state: str, error: BaseException) -> None:
    log.warning("result is not stored", task_id=task_id, state=state, reason=str(error))
