"""How many messages wait in the broker's queues."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import redis

from app.domain.market import microseconds

SENT = "cdb_sent_us"  # the header of a message that says when it was sent, by the farm's clock


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

    def ages_s(self, names: Sequence[str], at: datetime) -> dict[str, float]:
        """How long the oldest of them has waited, by queue; 0 where none waits, or nothing says when it was sent."""
        with self._client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.lindex(f"{self._prefix}{name}", -1)
            oldest = pipe.execute()
        return {name: _age_s(message, at) for name, message in zip(names, oldest, strict=True)}

    def waiting(self, names: Sequence[str]) -> int | None:
        """All of them together, or None while Redis does not answer."""
        try:
            return sum(self.depths(names).values())
        except redis.RedisError:
            return None


class _Headers(msgspec.Struct):
    cdb_sent_us: int


class _Message(msgspec.Struct):
    headers: _Headers


def _age_s(message: bytes | None, at: datetime) -> float:
    if message is None:
        return 0.0
    try:
        sent_us = msgspec.json.decode(message, type=_Message).headers.cdb_sent_us
    except msgspec.DecodeError:  # not of this farm
        return 0.0
    return max(0.0, (microseconds(at) - sent_us) / 1e6)
