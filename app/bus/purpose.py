"""Whether the keys of a prefix are for paper or for real money: neither must hear the other's market."""

from typing import Any

import redis

from app.bus.keys import Keys


class Purpose:
    """Kept the first time that anybody asks, and as long as Redis forgets nothing."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client, self._key = client, keys.purpose

    def claim(self, mode: str) -> str:
        """The mode of trading that they are for: this one if they were for none."""
        self._client.set(self._key, mode, nx=True)
        kept: Any = self._client.get(self._key)
        return mode if kept is None else str(kept.decode())
