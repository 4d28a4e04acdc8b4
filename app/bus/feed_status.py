"""What the feed says of itself, for doctor, status and the live view; gone soon after the feed is."""

from collections.abc import Mapping
from typing import Any

import msgspec
import redis

from app.bus.keys import Keys

LIFE_S = 10


class FeedStatus:
    """`{at, symbols, subscribed, stale, refused, unknown, ready, connections, offset_ms, latency_ms, private}`."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def write(self, status: Mapping[str, Any]) -> None:
        """Replace the status; a ready feed also sets the key that a replay waits for."""
        with self._client.pipeline(transaction=True) as pipe:
            pipe.set(self._keys.feed_status, msgspec.json.encode(status), ex=LIFE_S)
            if status["ready"]:
                pipe.set(self._keys.feed_ready, 1, ex=LIFE_S)
            else:
                pipe.delete(self._keys.feed_ready)
            pipe.execute()

    def read(self) -> dict[str, Any] | None:
        """The last status, or None when no feed has spoken lately."""
        text: Any = self._client.get(self._keys.feed_status)
        return None if text is None else dict(msgspec.json.decode(text))
