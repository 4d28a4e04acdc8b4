"""Which processes of the farm are at work, by process id: so that a starter knows that its own child is ready."""

from socket import gethostname

import redis

from app.bus.keys import Keys


class Presence:
    """Set by a worker when it consumes, removed when it stops."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client = client
        self._present = keys.present(gethostname())

    def arrive(self, pid: int) -> None:
        """This process is at work."""
        self._client.sadd(self._present, pid)

    def leave(self, pid: int) -> None:
        """And no longer."""
        self._client.srem(self._present, pid)

    def begin(self) -> None:
        """Nobody is at work on this machine: who was killed said no farewell, and process ids come again."""
        self._client.delete(self._present)

    def is_here(self, pid: int) -> bool:
        """Whether that process is at work."""
        return bool(self._client.sismember(self._present, str(pid)))
