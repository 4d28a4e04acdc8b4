"""Celery's results in the database."""

from typing import Any

import structlog
from celery.backends.database import DatabaseBackend
from celery.exceptions import BackendStoreError
from celery.states import REVOKED

log = structlog.get_logger()

EXPIRED = "expired"  # Celery's own word


class Results(DatabaseBackend):
    """Results are for people to look at: one that cannot be stored stops neither its task nor its dead letter."""

    session_manager: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Migrations make its tables. It would look for them ten times, and wait, while the database is away.
        self.session_manager.prepared = True

    def store_result(self, task_id: str, result: Any, state: str, *args: Any, **options: Any) -> Any:
        """Store what became of a task, or say that it could not be stored."""
        try:
            return super().store_result(task_id, result, state, *args, **options)
        except BackendStoreError as error:
            log.warning("result is not stored", task_id=task_id, state=state, reason=str(error.__cause__ or error))
            return result

    def mark_as_revoked(
        self, task_id: str, reason: str = "", request: Any = None, store_result: bool = True, state: str = REVOKED
    ) -> None:
        """A beat that came too late leaves no result.

        A worker's parent stores it, by a connection for each: while many wait, more came in than it got rid of.
        """
        wanted = store_result and reason != EXPIRED
        super().mark_as_revoked(task_id, reason, request=request, store_result=wanted, state=state)
