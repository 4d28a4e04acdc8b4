"""How each service says that it is, renewed every few seconds: whoever falls silent is not well either."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import redis

from app.bus.keys import Keys

SILENT = timedelta(seconds=30)  # six times as long as one is silent by rule


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """A service of a machine; `reason` says what is wrong, and is empty while it is well."""

    service: str
    host: str
    reason: str

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.reason


class Healths:
    """One field for each service of each machine."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._client = client
        self._key = keys.healths

    def write(self, service: str, host: str, told: Mapping[str, Any], at: datetime) -> None:
        """What it says of itself now, as in `Health.told`."""
        says = {"at": at, "reason": told["reason"] or ""}
        self._client.hset(self._key, f"{service}@{host}", msgspec.json.encode(says).decode())

    def leave(self, service: str, host: str) -> None:
        """It has ended as it should."""
        self._client.hdel(self._key, f"{service}@{host}")

    def read(self, at: datetime) -> list[ServiceHealth]:
        """All, by name and machine."""
        told: Any = self._client.hgetall(self._key)
        return sorted((_health(name.decode(), says, at) for name, says in told.items()), key=_name)


def _name(one: ServiceHealth) -> tuple[str, str]:
    return one.service, one.host


def _health(name: str, text: bytes, at: datetime) -> ServiceHealth:
    says = msgspec.json.decode(text, type=_Says)
    service, _, host = name.partition("@")
    silence = at - says.at
    reason = f"nothing was heard of it since {says.at:%Y-%m-%d %H:%M:%S} UTC" if silence > SILENT else says.reason
    return ServiceHealth(service, host, reason)


class _Says(msgspec.Struct):
    at: datetime
    reason: str
