"""What need not be looked at again for a while; forgotten with Redis, and then it is looked at again."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import redis

from app.bus.keys import Keys
from app.domain.market import BarClose, microseconds

Thing = TypeVar("Thing")


class Resting(Generic[Thing]):
    """A sorted set of things, each by the instant until which nobody has to look for it; `member` names one."""

    def __init__(self, client: "redis.Redis", key: str, member: Callable[[Thing], str]) -> None:
        self._client = client
        self._key = key
        self._member = member

    def quiet(self, things: Sequence[Thing], at: datetime, until: datetime) -> None:
        """Leave these alone until then."""
        if not things:
            return
        with self._client.pipeline(transaction=False) as pipe:
            pipe.zadd(self._key, dict.fromkeys(map(self._member, things), microseconds(until)))
            pipe.zremrangebyscore(self._key, "-inf", f"({microseconds(at)}")
            pipe.execute()

    def due(self, things: Sequence[Thing], at: datetime) -> list[Thing]:
        """Those of them that are not left alone now."""
        if not things:
            return []
        until: Any = self._client.zmscore(self._key, list(map(self._member, things)))
        now = microseconds(at)
        return [thing for thing, quiet in zip(things, until, strict=True) if quiet is None or quiet < now]


def searched(client: "redis.Redis", keys: Keys) -> Resting[BarClose]:
    """Closed bars that need not be searched."""
    return Resting(client, keys.searched, "|".join)


def sent_again(client: "redis.Redis", keys: Keys) -> Resting[str]:
    """Signals that need not be sent again."""
    return Resting(client, keys.sent_again, str)
