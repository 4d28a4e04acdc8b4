"""Which keys the farm is to sign with, by fingerprint, and which ones each process signed with last."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import redis
import structlog

from app.bus.keys import Keys

log = structlog.get_logger()

REMEMBERED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The keys to sign with, and since when."""

    fingerprint: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Used:
    """The keys that a process had when it looked last."""

    fingerprint: str
    at: datetime


class WantedKeys:
    """One wish for the whole farm."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client = client
        self._wanted, self._used = keys.wanted_keys, keys.used_keys

    def want(self, fingerprint: str, at: datetime) -> None:
        """From now on these are to be used."""
        self._client.set(self._wanted, msgspec.json.encode(Wanted(fingerprint, at)))

    def wanted(self) -> Wanted | None:
        """Which ones are; None if nobody ever said so, or Redis has forgotten it."""
        return _wish(self._client.get(self._wanted))

    def look(self, process: str, mine: str, read_at: datetime, at: datetime) -> str | None:
        """Tell which keys this process has; which it is to have instead, if they were wanted after it had read its own.

        None also while Redis does not answer: nobody waits for that with an order in hand.
        """
        try:
            with self._client.pipeline(transaction=False) as pipe:
                pipe.get(self._wanted)
                pipe.hset(self._used, process, msgspec.json.encode(Used(mine, at)))
                text, _ = pipe.execute()
        except redis.RedisError as error:
            log.info("not known which keys are wanted", reason=str(error))
            return None
        wish = _wish(text)
        return None if wish is None or wish.fingerprint == mine or wish.at <= read_at else wish.fingerprint

    def used(self, at: datetime) -> Mapping[str, Used]:
        """By process: those that have signed something within the last hour."""
        texts: Any = self._client.hgetall(self._used)
        found = {name.decode(): msgspec.json.decode(text, type=Used) for name, text in texts.items()}
        old = [name for name, one in found.items() if at - one.at > REMEMBERED]
        if old:
            self._client.hdel(self._used, *old)
        return {name: one for name, one in sorted(found.items()) if name not in old}


def _wish(text: Any) -> Wanted | None:
    return None if text is None else msgspec.json.decode(text, type=Wanted)
