"""The figures of the whole farm, as they were read last: whoever is asked for metrics tells these."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import redis

from app.bus.keys import Keys
from app.domain.market import instant_text


class StoredFigures:
    """`{at, figures}`; there as long as Redis is not flushed."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def write(self, figures: Mapping[str, Any], at: datetime) -> None:
        """Replace them."""
        self._client.set(self._keys.figures, msgspec.json.encode({"at": instant_text(at), "figures": figures}))

    def read(self) -> tuple[dict[str, Any], datetime] | None:
        """What was read last and when, or None."""
        text: Any = self._client.get(self._keys.figures)
        if text is None:
            return None
        told = msgspec.json.decode(text)
        return told["figures"], datetime.fromisoformat(told["at"])
