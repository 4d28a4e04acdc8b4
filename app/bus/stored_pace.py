"""The pace of a replay, kept where every process of its farm can read it."""

from typing import Any

import msgspec
import redis

from app.bus.keys import Keys
from app.domain.pace import Pace


class StoredPace:
    """The key `clock`: `{real_us, venue_us, speed}`."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def read(self) -> Pace | None:
        """The pace, or None outside a replay."""
        text: Any = self._client.get(self._keys.clock)
        return None if text is None else msgspec.json.decode(text, type=Pace)

    def write(self, pace: Pace) -> None:
        """Set the pace for the whole farm."""
        self._client.set(self._keys.clock, msgspec.json.encode(pace))
