"""The mailboxes between the feed and the drains: one Redis stream for each shard of symbols."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import uuid4

import redis

from app.bus.archive import Archive
from app.bus.connection import Script
from app.bus.feed_shards import Part
from app.bus.frames import Row, packed
from app.bus.keys import Keys, shard_of
from app.bus.lease import Lease, LeaseTerms, lease_scripts
from app.domain.shards import own_mailboxes


class Pushed(NamedTuple):
    """What became of a push: taken or not, whether a drain must be sent, and how many rows there ever were.

    `total` falls back when Redis has been flushed: what was heard before is forgotten there.
    """

    taken: bool
    armed: bool
    total: int


@dataclass(frozen=True, slots=True)
class Limits:
    """`cap` is in rows per mailbox; the feed sends a new drain when an armed one has not shown up for `armed_ms`."""

    cap: int = 500_000
    lease_ms: int = 5_000
    armed_ms: int = 2_000
    archiving: bool = True


class Mailboxes:
    """All mailboxes of a farm; safe to use from one thread at a time.

    With `part` nothing is pushed but into its `own`, and nothing when another feed has it, however long this one was
    held up.
    """

    def __init__(
        self,
        client: "redis.Redis",
        keys: Keys,
        shards: int,
        limits: Limits | None = None,
        part: Part | None = None,
    ) -> None:
        self.shards = shards
        self._client = client
        self._keys = keys
        self._limits = limits or Limits()
        self._push = Script(client, "push")
        self._part = part or Part(0, 1, "")
        self.own: Sequence[int] = own_mailboxes(self._part.shard, self._part.shards, shards)
        self._drains = lease_scripts(client)
        self._archived = Script(client, "archived")

    def shard(self, symbol: str) -> int:
        """The mailbox of a symbol."""
        return shard_of(symbol, self.shards)

    def push(self, frames: Mapping[int, Sequence[Row]]) -> dict[int, Pushed]:
        """Put one frame into each of these mailboxes, in one round trip; an error leaves it open which were taken."""
        keys, limits = self._keys, self._limits
        _, parts, token = self._part
        calls = [
            (
                [
                    keys.mailbox(shard),
                    keys.place(shard),
                    keys.armed(shard),
                    keys.counters,
                    keys.feed_lease(shard % parts, parts),
                ],
                [packed(rows), len(rows), sum(len(row) == 6 for row in rows), limits.cap, limits.armed_ms, token],
            )
            for shard, rows in frames.items()
        ]
        answers = self._push.each(calls)
        return {
            shard: Pushed(bool(taken), bool(armed), total)
            for shard, (taken, armed, total) in zip(frames, answers, strict=True)
        }

    def lease(self, shard: int) -> Lease | None:
        """Take a mailbox to drain it; None while another drain has it."""
        limits = self._limits
        terms = LeaseTerms(shard, uuid4().hex, limits.lease_ms, limits.armed_ms, limits.archiving)
        return Lease.take(self._client, self._keys, self._drains, terms)

    def archive(self, shard: int) -> Archive:
        """The second reader of a mailbox, who keeps its raw ticks."""
        return Archive(self._client, self._keys, self._archived, shard)

    def depths(self) -> dict[int, int]:
        """Rows that no drain has worked through, by shard."""
        return {shard: pushed - drained for shard, (pushed, drained, _) in self._places().items()}

    def unarchived(self) -> dict[int, int]:
        """Rows that the archiver has not kept, by shard."""
        return {shard: pushed - archived for shard, (pushed, _, archived) in self._places().items()}

    def stranded(self) -> list[int]:
        """Shards whose mailbox is not empty though no drain is at work."""
        with self._client.pipeline(transaction=False) as pipe:
            for shard in range(self.shards):
                pipe.exists(self._keys.lease(shard))
            leased = pipe.execute()
        return [shard for shard, depth in self.depths().items() if depth > 0 and not leased[shard]]

    def ages_s(self) -> dict[int, float]:
        """How long the oldest row that no drain has worked through has waited, by shard; 0 where there is none."""
        with self._client.pipeline(transaction=True) as pipe:
            for shard in range(self.shards):
                pipe.hget(self._keys.place(shard), "cursor")
            cursors = pipe.execute()
            for shard, cursor in enumerate(cursors):
                pipe.xrange(self._keys.mailbox(shard), f"({(cursor or b'0-0').decode()}", count=1)
            pipe.time()
            *entries, (seconds, microseconds) = pipe.execute()
        now_ms = seconds * 1000 + microseconds // 1000
        came_ms = {
            shard: int(found[0][0].partition(b"-")[0]) if found else now_ms for shard, found in enumerate(entries)
        }
        return {shard: max(0, now_ms - came) / 1000 for shard, came in came_ms.items()}

    def worked_through(self) -> dict[int, float]:
        """Seconds since what a drain worked through last came in, by shard; not known is left out."""
        with self._client.pipeline(transaction=True) as pipe:
            for shard in range(self.shards):
                pipe.hget(self._keys.place(shard), "cursor")
            pipe.time()
            *cursors, (seconds, microseconds) = pipe.execute()
        now_ms = seconds * 1000 + microseconds // 1000
        came_ms = {shard: int(cursor.partition(b"-")[0]) for shard, cursor in enumerate(cursors) if cursor}
        return {shard: max(0, now_ms - came) / 1000 for shard, came in came_ms.items()}

    def _places(self) -> dict[int, tuple[int, int, int]]:
        with self._client.pipeline(transaction=False) as pipe:
            for shard in range(self.shards):
                pipe.hmget(self._keys.place(shard), ["pushed", "drained", "archived"])
            answers = pipe.execute()
        return {
            shard: (int(pushed or 0), int(drained or 0), int(archived or 0))
            for shard, (pushed, drained, archived) in enumerate(answers)
        }
