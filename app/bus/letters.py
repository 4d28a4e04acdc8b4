"""Dead letters that the database could not take, until it can."""

from collections.abc import Sequence
from typing import Any

import msgspec
import redis

from app.bus.keys import Keys
from app.domain.letters import DeadLetter

MOST = 10_000


class LettersAside:
    """A list in Redis; beyond `most` the oldest go."""

    def __init__(self, client: "redis.Redis", keys: Keys, most: int = MOST) -> None:
        self._client = client
        self._keys = keys
        self._most = most

    def put(self, letter: DeadLetter) -> bool:
        """Put a letter aside; False if an older one had to go for it."""
        with self._client.pipeline() as pipe:
            pipe.lpush(self._keys.letters, msgspec.json.encode(letter))
            pipe.ltrim(self._keys.letters, 0, self._most - 1)
            length, _ = pipe.execute()
        return int(length) <= self._most

    def oldest(self, limit: int) -> list[DeadLetter]:
        """Those that have waited longest, oldest first; they stay."""
        found: Any = self._client.lrange(self._keys.letters, -limit, -1)
        return [msgspec.json.decode(one, type=DeadLetter) for one in reversed(found)]

    def drop(self, letters: Sequence[DeadLetter]) -> None:
        """Those that the database has now."""
        with self._client.pipeline() as pipe:
            for letter in letters:
                pipe.lrem(self._keys.letters, -1, msgspec.json.encode(letter).decode())
            pipe.execute()
