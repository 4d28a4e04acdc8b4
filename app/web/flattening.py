"""Goes on asking for exits after a flatten: one that came to nothing is tried again, as `cdb flatten` does."""

import time
from threading import Lock

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import trading_state
from app.store import DatabaseError

log = structlog.get_logger()

LOOK_AGAIN_S = 1.0
PATIENCE_S = 60.0


class Flattening:
    """One at a time; who asks meanwhile is served by the one at work."""

    def __init__(self) -> None:
        self._at_work = Lock()

    def go_on(self, reason: str) -> None:
        """Until nothing is held, or a minute is over."""
        if not self._at_work.acquire(blocking=False):
            return
        try:
            deadline, left = time.monotonic() + PATIENCE_S, 1
            while left and time.monotonic() < deadline:
                time.sleep(LOOK_AGAIN_S)
                left = self._ask(reason) if self._is_halted() else 0
        finally:
            self._at_work.release()

    def _is_halted(self) -> bool:
        """Somebody may have resumed meanwhile: then no more is sold."""
        try:
            return trading_state.is_halted()
        except (DatabaseError, SQLAlchemyError) as error:
            log.warning("flatten waits", reason=str(error))
            return True

    def _ask(self, reason: str) -> int:
        try:
            return trading_state.leave_trades(reason)
        except (RedisError, DatabaseError, SQLAlchemyError) as error:  # asked again in a second
            log.warning("flatten waits", reason=str(error))
            return 1
