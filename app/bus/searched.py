"""Which closed bars need not be searched again for a while; forgotten with Redis, and then they are searched again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import redis

from app.bus.keys import Keys
from app.domain.market import BarClose, microseconds


class Searched:
    """A sorted set of closes by the instant until which nobody has to look for them."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def quiet(self, closes: Sequence[BarClose], at: datetime, until: datetime) -> None:
        """Leave these alone until then."""
        if not closes:
            return
        with self._client.pipeline(transaction=False) as pipe:
            pipe.zadd(self._keys.searched, dict.fromkeys(map(_member, closes), microseconds(until)))
            pipe.zremrangebyscore(self._keys.searched, "-inf", f"({microseconds(at)}")
            pipe.execute()

    def due(self, closes: Sequence[BarClose], at: datetime) -> list[BarClose]:
        """Those of them that are not left alone now."""
        if not closes:
            return []
        until: Any = self._client.zmscore(self._keys.searched, list(map(_member, closes)))
        now = microseconds(at)
        return [close for close, quiet in zip(closes, until, strict=True) if quiet is None or quiet < now]


def _member(close: BarClose) -> str:
    return "|".join(close)
