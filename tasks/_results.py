"""Celery's results in the database."""

from typing import Any

import structlog
from celery.backends.database import DatabaseBackend
from celery.exceptions import BackendStoreError

log = structlog.get_logger()


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
