"""Results of tasks on their way to the database: one that is kept at once would cost more than its task."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import redis
import structlog

from app.bus.connection import Script
from app.bus.keys import Keys

log = structlog.get_logger()

MOST = 100_000


class TaskResult(msgspec.Struct, frozen=True, array_like=True):
    """What became of a task, named as in Celery's table; `date_done` is when, whatever the status."""

    task_id: str
    status: str
    date_done: datetime
    result: bytes | None = None
    traceback: str | None = None
    name: str | None = None
    args: bytes | None = None
    kwargs: bytes | None = None
    worker: str | None = None
    retries: int | None = None
    queue: str | None = None
    children: bytes | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(TaskResult)


class ResultsAside:
    """A stream in Redis, oldest first, which does not grow beyond `most`.

    An entry stays until the database has it: who reads and dies leaves it to the next, and two who read at the same
    time take away only what both have read.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, most: int = MOST) -> None:
        self._client = client
        self._key = keys.results
        self._most = most
        self._put = Script(client, "put_aside")

    def put(self, result: TaskResult) -> bool:
        """Put one aside; False if too many wait."""
        return bool(self._put([self._key], self._most, _encoder.encode(result)))

    def oldest(self, limit: int) -> tuple[Sequence[TaskResult], str]:
        """Those that have waited longest, oldest first, and the name of the last for `drop`, empty if none wait."""
        entries: Any = self._client.xrange(self._key, count=limit)
        found = [result for _, fields in entries if (result := _decoded(fields)) is not None]
        return found, entries[-1][0].decode() if entries else ""

    def drop(self, last: str) -> None:
        """Take away all up to this one, which the database has now."""
        milliseconds, _, number = last.partition("-")
        self._client.xtrim(self._key, minid=f"{milliseconds}-{int(number) + 1}", approximate=False)

    def __len__(self) -> int:
        """How many wait."""
        return int(self._client.xlen(self._key))


def _decoded(fields: dict[bytes, bytes]) -> TaskResult | None:
    try:
        return _decoder.decode(fields.get(b"e", b""))
    except msgspec.DecodeError as error:  # another version's; it must not hold up the others
        log.warning("result cannot be read", reason=str(error))
        return None
