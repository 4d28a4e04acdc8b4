"""What the feeds say of themselves, for doctor, status and the live view; gone soon after they are."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import redis

from app.bus.feed_shards import divided, feed_of
from app.bus.keys import Keys

LIFE_S = 10


class FeedStatus:
    """`{at, symbols, subscribed, stale, refused, unknown, ready, connections, offset_ms, latency_ms, private}`, and
    `wanted`, the symbols of all shards.

    Where the market is divided into several shards, each has its own, and all of them read as one: sums, what is worst,
    and besides `shards`, how many `feeds` there are, and `silent`: the shards that nobody hears.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, shards: int = 1, shard: int = 0) -> None:
        self._client = client
        self._keys = keys
        self._shards = shards
        self._shard = shard

    def write(self, status: Mapping[str, Any]) -> None:
        """Replace the status of this shard."""
        self._client.set(self._keys.feed_status(self._shard, self._shards), msgspec.json.encode(status), ex=LIFE_S)

    def read(self) -> dict[str, Any] | None:
        """The last status, or None when no feed has spoken lately."""
        shards = self.division()
        if shards > 1:
            return self._together(shards)
        text: Any = self._client.get(self._keys.feed_status(0, 1))
        return None if text is None else _decoded(text)

    def division(self) -> int:
        """How many shards the feeds at work have; while none is, how many they will have."""
        leader: Any = self._client.get(self._keys.leader("feed"))
        if leader is None:
            return self._shards
        division = divided(leader.decode())
        return 1 if division is None else division[0]

    def _together(self, shards: int) -> dict[str, Any] | None:
        keys, all_shards = self._keys, range(shards)
        texts: Any = self._client.mget([keys.feed_status(shard, shards) for shard in all_shards])
        leases: Any = self._client.mget([keys.feed_lease(shard, shards) for shard in all_shards])
        told = {shard: _decoded(text) for shard, text in enumerate(texts) if text is not None}
        if not told:
            return None
        heard = {shard: one for shard, one in told.items() if leases[shard] is not None}
        latencies = [one["latency_ms"] for one in heard.values() if one["latency_ms"] is not None]
        return {
            "at": min(one["at"] for one in told.values()),
            "symbols": max(one["wanted"] for one in told.values()),
            "subscribed": _sum(heard, "subscribed"),
            **{name: _names(heard.values(), name) for name in ("stale", "refused", "unknown")},
            "ready": len(heard) == shards and all(one["ready"] for one in heard.values()),
            "connections": _sum(heard, "connections"),
            "offset_ms": max((one["offset_ms"] for one in told.values()), key=abs),
            "latency_ms": max(latencies, default=None),
            **({"private": heard[0]["private"]} if "private" in heard.get(0, ()) else {}),
            "shards": shards,
            "feeds": len({feed_of(lease.decode()) for lease in leases if lease is not None}),
            "silent": [shard for shard in all_shards if shard not in heard],
        }


def _decoded(text: bytes) -> dict[str, Any]:
    return dict(msgspec.json.decode(text))


def _sum(heard: Mapping[int, Mapping[str, int]], name: str) -> int:
    return sum(one[name] for one in heard.values())


def _names(heard: Iterable[Mapping[str, Iterable[str]]], name: str) -> list[str]:
    return sorted(symbol for one in heard for symbol in one[name])
