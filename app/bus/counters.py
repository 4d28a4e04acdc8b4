"""What the farm has counted, and the version of the protective levels: numbers that any process may raise."""

from typing import Any

import redis
import structlog

from app.bus.connection import BusError
from app.bus.keys import Keys

log = structlog.get_logger()


class Counters:
    """Totals since Redis was last flushed."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def add(self, **counts: int) -> None:
        """Raise counters by name."""
        with self._client.pipeline(transaction=False) as pipe:
            for name, count in counts.items():
                pipe.hincrby(self._keys.counters, name, count)
            pipe.execute()

    def all(self) -> dict[str, int]:
        """Every counter that was ever raised."""
        counts: Any = self._client.hgetall(self._keys.counters)
        return {name.decode(): int(count) for name, count in counts.items()}


class LevelsChanged:
    """Tells the drains to read the protective levels again; whom it does not reach reads them a little later."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def __call__(self) -> None:
        try:
            self._client.incr(self._keys.levels_version)
        except BusError as error:  # what it tells of is in the database, where the drains look now and then
            log.warning("drains are not told of new levels", reason=str(error))
