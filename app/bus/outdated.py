"""Which symbols' histories are outdated just now, for doctor and status; told again when Redis has forgotten it."""

from typing import Any

import msgspec
import redis

from app.bus.keys import Keys
from app.domain.history import Outdated


class OutdatedHistories:
    """A hash by name."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def all(self) -> dict[str, Outdated]:
        """By name."""
        found: Any = self._client.hgetall(self._keys.outdated)
        return {name.decode(): msgspec.json.decode(text, type=Outdated) for name, text in sorted(found.items())}

    def tell(self, one: Outdated) -> None:
        """This one is, as of now."""
        self._client.hset(self._keys.outdated, one.name, msgspec.json.encode(one))

    def end(self, name: str) -> None:
        """And no longer."""
        self._client.hdel(self._keys.outdated, name)
