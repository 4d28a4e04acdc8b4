"""The archiver's place in a mailbox: the second reader of the same stream."""

from collections.abc import Sequence
from typing import Any

import redis

from app.bus.connection import Script
from app.bus.frames import Frame, frame_of
from app.bus.keys import Keys


class Archive:
    """Reads a mailbox from where the archiver stopped last."""

    def __init__(self, client: "redis.Redis", keys: Keys, script: Script, shard: int) -> None:
        self._client = client
        self._keys = keys
        self._script = script
        self._shard = shard
        self._cursor = "0-0"

    def read(self, frames: int) -> list[Frame]:
        """The next frames, at most so many; nothing is taken away by reading."""
        place: bytes | None = self._client.hget(self._keys.place(self._shard), "archive")  # type: ignore[assignment]
        self._cursor = place.decode() if place else "0-0"
        entries: Any = self._client.xrange(self._keys.mailbox(self._shard), min=f"({self._cursor}", count=frames)
        return [frame_of(entry_id, fields) for entry_id, fields in entries]

    def keep(self, frames: Sequence[Frame], stored: int) -> bool:
        """Say that these frames are stored; False when another archiver was quicker."""
        keys, shard = self._keys, self._shard
        names = [keys.mailbox(shard), keys.place(shard), keys.counters]
        rows = sum(frame.size for frame in frames)
        return bool(self._script(names, self._cursor, frames[-1].id, rows, stored))
