"""How far the venue's clock was from ours when it was measured last; measured again when Redis has forgotten it."""

from typing import Any

import msgspec
import redis

from app.bus.keys import Keys
from app.domain.clock_skew import Skew


class ClockSkews:
    """One measurement as JSON."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def read(self) -> Skew | None:
        """The last one, or None when there was none."""
        text: Any = self._client.get(self._keys.skew)
        return None if text is None else msgspec.json.decode(text, type=Skew)

    def write(self, skew: Skew) -> None:
        """Replace it."""
        self._client.set(self._keys.skew, msgspec.json.encode(skew))
