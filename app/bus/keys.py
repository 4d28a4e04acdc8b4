"""The name of every key that the farm keeps in Redis."""

from dataclasses import dataclass
from functools import cache
from zlib import crc32


@dataclass(frozen=True, slots=True)
class Keys:
    """Names under one prefix, so that two farms can share a server."""

    prefix: str = "cdb:"

    def mailbox(self, shard: int) -> str:
        """Stream of frames."""
        return f"{self.prefix}mailbox:{shard}"

    def place(self, shard: int) -> str:
        """Hash: `pushed`, `drained`, `archived` (rows), `cursor` and `archive` (entries read last)."""
        return f"{self.prefix}mailbox:{shard}:place"

    def armed(self, shard: int) -> str:
        """There while a drain is on its way or at work."""
        return f"{self.prefix}mailbox:{shard}:armed"

    def lease(self, shard: int) -> str:
        """The token of the drain at work."""
        return f"{self.prefix}mailbox:{shard}:lease"

    def forming(self, shard: int) -> str:
        """Hash: symbol → JSON of its forming bars, its coverage and its last time."""
        return f"{self.prefix}forming:{shard}"

    def window(self, symbol: str, interval: str) -> str:
        """Rows of `app.domain.window`, newest last."""
        return f"{self.prefix}rows:{symbol}:{interval}"

    def older_window(self, symbol: str, interval: str) -> str:
        """List of JSON bars, as an older farm kept a window; removed where the newer one is made."""
        return f"{self.prefix}window:{symbol}:{interval}"

    def topic(self, name: str) -> str:
        """Channel of a Pub/Sub topic."""
        return f"{self.prefix}{name}"

    @property
    def searched(self) -> str:
        """Sorted set: closes of bars by the microsecond until which they need no search."""
        return f"{self.prefix}searched"

    @property
    def sent_again(self) -> str:
        """Sorted set: keys of signals by the microsecond until which the sweep leaves them alone."""
        return f"{self.prefix}sent-again"

    @property
    def outdated(self) -> str:
        """Hash: name of an outdated history → JSON."""
        return f"{self.prefix}outdated"

    @property
    def letters(self) -> str:
        """List: JSON of the dead letters that the database could not take, newest first."""
        return f"{self.prefix}letters"

    @property
    def results(self) -> str:
        """Stream: results of tasks that wait for the database, oldest first."""
        return f"{self.prefix}results"

    @property
    def prices(self) -> str:
        """Hash: symbol → `price|time_us|received_us`."""
        return f"{self.prefix}prices"

    @property
    def counters(self) -> str:
        """Hash: what was counted."""
        return f"{self.prefix}counters"

    @property
    def figures(self) -> str:
        """JSON: the figures of the whole farm, as they were read last."""
        return f"{self.prefix}figures"

    @property
    def levels_version(self) -> str:
        """Number that rises when a trade's protective levels change."""
        return f"{self.prefix}levels:version"

    def leader(self, service: str) -> str:
        """The token of the one process that does a service's work."""
        return f"{self.prefix}leader:{service}"

    def feed_lease(self, shard: int, shards: int) -> str:
        """The token of the feed that hears one of so many shards, and alone fills their mailboxes."""
        return self._of_feed(self.leader("feed"), shard, shards)

    @property
    def feeds(self) -> str:
        """Sorted set: every feed that is alive, by the millisecond in which it said so."""
        return f"{self.prefix}feeds"

    @property
    def feed_takers(self) -> str:
        """Hash: shard of the feed → the token of who took it last."""
        return f"{self.prefix}feed:takers"

    def feed_status(self, shard: int, shards: int) -> str:
        """JSON of the state of one of so many shards of the feed; gone 10 s after who hears it."""
        return self._of_feed(f"{self.prefix}feed:status", shard, shards)

    def _of_feed(self, name: str, shard: int, shards: int) -> str:
        return name if shards == 1 else f"{name}:{shard}/{shards}"

    @property
    def healths(self) -> str:
        """Hash: JSON of what a service says of its health, by service@machine."""
        return f"{self.prefix}healths"

    def present(self, host: str) -> str:
        """Set: process ids of the workers that consume on a machine."""
        return f"{self.prefix}present:{host}"

    def budget(self, host: str) -> str:
        """Hash: until when nobody asks a venue, and how long it is known; see permit.lua."""
        return f"{self.prefix}budget:{host}"

    def spent(self, host: str, endpoint: str) -> str:
        """Hash: what was asked lately of one of its endpoints; see permit.lua."""
        return f"{self.prefix}budget:{host}:{endpoint}"

    @property
    def purpose(self) -> str:
        """The mode of trading that all the others are for."""
        return f"{self.prefix}purpose"

    @property
    def wanted_keys(self) -> str:
        """JSON: the fingerprint of the keys that requests to the venue are to be signed with, and since when."""
        return f"{self.prefix}keys:wanted"

    @property
    def used_keys(self) -> str:
        """Hash: JSON of the fingerprint that a process had when it signed last, by process."""
        return f"{self.prefix}keys:used"

    @property
    def skew(self) -> str:
        """JSON: how far the venue's clock was from ours when it was measured last."""
        return f"{self.prefix}skew"

    @property
    def clock(self) -> str:
        """JSON of a replay's pace."""
        return f"{self.prefix}clock"


@cache  # asked with each frame of the market, of as many symbols as there are
def shard_of(symbol: str, shards: int) -> int:
    """The mailbox that a symbol's ticks go into."""
    return crc32(symbol.encode()) % shards
