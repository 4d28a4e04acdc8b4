"""A drain's hold on a mailbox: what it reads, and the fenced writes that only its holder can do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec
import redis

from app.bus.connection import Script
from app.bus.frames import Frame, frame_of
from app.bus.keys import Keys
from app.domain.bars import Closed
from app.domain.market import microseconds
from app.domain.window import packed

FRAMES_AT_ONCE = 64
NONE: Mapping[int, Decimal] = MappingProxyType({})
LEASE_SCRIPTS = ("lease", "extend", "commit", "rest", "hand_over")


class Stale(Exception):
    """Another drain has the mailbox, or Redis has forgotten it; nothing was written."""


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """Whose lease it is (`token`, never used twice) and how long it lasts without a sign of life."""

    shard: int
    token: str
    lease_ms: int
    armed_ms: int
    archiving: bool


def lease_scripts(client: "redis.Redis") -> dict[str, Script]:
    """The scripts that a lease calls, by name."""
    return {name: Script(client, name) for name in LEASE_SCRIPTS}


class Lease:
    """One drain's turn at a mailbox. Every write raises Stale when the turn is over."""

    def __init__(
        self, client: "redis.Redis", keys: Keys, scripts: Mapping[str, Script], terms: LeaseTerms, answer: Sequence[Any]
    ) -> None:
        cursor, levels_version, forming, peaks = answer
        self.levels_version = int(levels_version)
        self.forming = {
            symbol.decode(): msgspec.json.decode(state)
            for symbol, state in zip(forming[::2], forming[1::2], strict=True)
        }
        self.peaks = {int(trade): Decimal(price) for trade, price in msgspec.json.decode(peaks).items()}
        self._cursor = cursor.decode()
        self._client = client
        self._keys = keys
        self._scripts = scripts
        self._terms = terms

    @classmethod
    def take(
        cls, client: "redis.Redis", keys: Keys, scripts: Mapping[str, Script], terms: LeaseTerms
    ) -> "Lease | None":
        """The lease, or None while another drain has it."""
        shard = terms.shard
        names = [keys.lease(shard), keys.armed(shard), keys.place(shard), keys.forming(shard), keys.levels_version]
        answer = scripts["lease"](names, terms.token, terms.lease_ms, terms.armed_ms)
        return None if answer is None else cls(client, keys, scripts, terms, answer)

    def read(self, wait_ms: int) -> list[Frame]:
        """The next frames, and the version of the levels as they come in; waits a little for the first."""
        stream = self._keys.mailbox(self._terms.shard)
        with self._client.pipeline(transaction=False) as pipe:
            pipe.xread({stream: self._cursor}, count=FRAMES_AT_ONCE, block=wait_ms)
            pipe.get(self._keys.levels_version)
            answer, version = pipe.execute()
        self.levels_version = int(version or 0)
        return [frame_of(entry_id, fields) for _, entries in _streams(answer) for entry_id, fields in entries]

    def extend(self, closed: Sequence[Closed], keep: int) -> None:
        """Append closed bars to the windows that Redis has; a bar that is there is not appended again."""
        windows = [self._keys.window(one.bar.symbol, one.bar.interval) for one in closed]
        values = [value for one in closed for value in (one.previous_us, microseconds(one.bar.end), packed(one.bar))]
        terms = self._terms
        keys = [self._keys.lease(terms.shard), *windows]
        if not self._scripts["extend"](keys, terms.token, terms.lease_ms, keep, *values):
            raise Stale(f"mailbox {terms.shard}")

    def commit(
        self,
        frames: Sequence[Frame],
        forming: Mapping[str, object],
        prices: Mapping[str, tuple[float, int, int]],
        counters: Mapping[str, int],
        peaks: Mapping[int, Decimal] = NONE,
    ) -> None:
        """Have worked through these frames: all of it at once, or Stale."""
        keys, terms, shard = self._keys, self._terms, self._terms.shard
        names = [
            *(keys.mailbox(shard), keys.place(shard), keys.lease(shard), keys.armed(shard)),
            *(keys.forming(shard), keys.prices, keys.counters, keys.levels_version),
        ]
        version = self._scripts["commit"](
            names,
            *(terms.token, terms.lease_ms, terms.armed_ms, self._cursor, frames[-1].id),
            *(sum(frame.size for frame in frames), int(terms.archiving)),
            msgspec.json.encode({str(trade): str(price) for trade, price in peaks.items()}),
            *_listed((symbol, msgspec.json.encode(state)) for symbol, state in forming.items()),
            *_listed((symbol, f"{price!r}|{at}|{received}") for symbol, (price, at, received) in prices.items()),
            *_listed(counters.items()),
        )
        if version is None:
            raise Stale(f"mailbox {shard}")
        self._cursor = frames[-1].id
        self.levels_version = int(version)

    def rest(self) -> bool:
        """Give the mailbox back if it is empty; False when something has come in."""
        keys, terms, shard = self._keys, self._terms, self._terms.shard
        names = [keys.lease(shard), keys.armed(shard), keys.place(shard), keys.mailbox(shard)]
        answer = self._scripts["rest"](names, terms.token, terms.lease_ms, terms.armed_ms)
        if answer < 0:
            raise Stale(f"mailbox {shard}")
        return bool(answer)

    def hand_over(self) -> None:
        """Give the mailbox back though there may be more in it; the caller sends the next drain."""
        terms, keys = self._terms, self._keys
        names = [keys.lease(terms.shard), keys.armed(terms.shard)]
        if not self._scripts["hand_over"](names, terms.token, terms.armed_ms):
            raise Stale(f"mailbox {terms.shard}")


def _listed(pairs: Iterable[tuple[str, object]]) -> list[Any]:
    flat = [part for pair in pairs for part in pair]
    return [len(flat), *flat]


def _streams(answer: Any) -> list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]:
    if not answer:
        return []
    return [*answer.items()] if isinstance(answer, dict) else answer
