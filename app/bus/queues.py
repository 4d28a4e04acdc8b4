"""How many messages wait in the broker's queues."""

from collections.abc import Sequence

import redis


class Queues:
    """Celery's lists, under the farm's prefix."""

    def __init__(self, client: "redis.Redis", prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def depths(self, names: Sequence[str]) -> dict[str, int]:
        """Messages that no worker has taken yet, by queue."""
        with self._client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.llen(f"{self._prefix}{name}")
            return dict(zip(names, pipe.execute(), strict=True))

    def waiting(self, names: Sequence[str]) -> int | None:
        """All of them together, or None while Redis does not answer."""
        try:
            return sum(self.depths(names).values())
        except redis.RedisError:
            return None
