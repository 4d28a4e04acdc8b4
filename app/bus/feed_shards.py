"""Who hears which part of the market: a lease for each shard of its symbols, and a fair part for each feed alive."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import redis

from app.bus.connection import Script
from app.bus.keys import Keys
from app.bus.leadership import is_dead, process_token, spoken
from app.domain.shards import fair_part

DIVIDED = "shards:"


class Part(NamedTuple):
    """One of so many shards, as it was taken once: who has it again has it by another token."""

    shard: int
    shards: int
    token: str


class Turn(NamedTuple):
    """What a feed has won and lost, how many of its shards are more than its part, and who else feeds.

    `refusal` says why it may have none, and how that is mended.
    """

    taken: Sequence[Part] = ()
    lost: Sequence[Part] = ()
    surplus: int = 0
    others: Sequence[str] = ()
    refusal: str = ""


class _Seen(NamedTuple):
    """Which other division is in force, how many feeds were alive before, which are, and who has each shard."""

    strange: str
    before: int
    feeds: Sequence[str]
    tokens: Sequence[str]


class FeedShards:
    """The shards of the feed, as one process sees them; each is its own for `lease_ms` unless it goes on with it.

    Which shard a mailbox belongs to follows from both numbers, so all feeds must have the same: whoever has others
    than those at work gets nothing. Safe to use from one thread at a time; everything here may raise BusError.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, shards: int, mailboxes: int, lease_ms: int) -> None:
        self._shards, self._mailboxes, self._lease_ms = shards, mailboxes, lease_ms
        leases = [keys.feed_lease(shard, shards) for shard in range(shards)]
        self._ends = [keys.leader("feed"), keys.feeds, *leases]
        self._names = [keys.leader("feed"), keys.feeds, keys.feed_takers, *leases]
        self._me = process_token()
        self._division = f"{DIVIDED}{shards}/{mailboxes}|0|feeds of {shards} shards|" if shards > 1 else ""
        self._held: dict[int, Part] = {}
        self._times = 0
        self._share = Script(client, "share")
        self._give_back = Script(client, "give_back")

    def turn(self) -> Turn:
        """Go on with what this feed has, and take what is free of its part."""
        self._times += 1
        seen = self._look()
        dead = {feed for feed in map(feed_of, filter(None, {seen.strange, *seen.feeds, *seen.tokens})) if is_dead(feed)}
        wanted = self._wanted(seen, dead)
        if dead or wanted:
            seen = self._look(wanted, dead)
        if seen.strange:
            return Turn(lost=self._drop(self._held), refusal=self._refusal(seen.strange))
        lost = self._drop(shard for shard, part in self._held.items() if seen.tokens[shard] != part.token)
        taken = [Part(shard, self._shards, self._token) for shard in wanted if seen.tokens[shard] == self._token]
        self._held |= {part.shard: part for part in taken}
        surplus = len(self._held) - fair_part(self._me, [*map(feed_of, seen.tokens)], seen.feeds)
        return Turn(taken, lost, max(0, surplus), [spoken(feed) for feed in seen.feeds if feed != self._me])

    def give_back(self, part: Part) -> None:
        """Let another feed have it; nothing of it is to be pushed any more."""
        if self._held.get(part.shard) == part:
            self._leave(self._drop([part.shard]), "")

    def leave(self) -> None:
        """Let others have all: this feed ends."""
        self._leave(self._drop(self._held), self._me)

    @property
    def _token(self) -> str:
        return f"{self._me}#{self._times}"

    def _look(self, wanted: Collection[int] = (), dead: Collection[str] = ()) -> _Seen:
        mine = [self._held[shard].token if shard in self._held else "" for shard in range(self._shards)]
        takes = [self._token if shard in wanted else "" for shard in range(self._shards)]
        values = [self._me, self._lease_ms, self._division, self._shards, *mine, *takes, *dead]
        strange, *rest = self._share(self._names, *values)
        if strange:
            return _Seen(strange.decode(), 0, [self._me], [""] * self._shards)
        before, feeds, tokens = rest
        return _Seen("", before, [feed.decode() for feed in feeds], [token.decode() for token in tokens])

    def _wanted(self, seen: _Seen, dead: Collection[str]) -> list[int]:
        """Shards that nobody alive has, as many as this feed lacks."""
        if seen.strange and not dead:
            return []
        if not seen.before and self._times > 1:  # Redis was flushed: who had shards has not said so yet
            return []
        held = ["" if feed_of(token) in dead else feed_of(token) for token in seen.tokens]
        alive = [feed for feed in seen.feeds if feed not in dead]
        free = [shard for shard, feed in enumerate(held) if not feed]
        return free[: max(0, fair_part(self._me, held, alive) - held.count(self._me))]

    def _drop(self, shards: Iterable[int]) -> list[Part]:
        return [self._held.pop(shard) for shard in list(shards)]

    def _leave(self, parts: Sequence[Part], feed: str) -> None:
        tokens = {part.shard: part.token for part in parts}
        self._give_back(self._ends, feed, self._division, *(tokens.get(shard, "") for shard in range(self._shards)))

    def _refusal(self, strange: str) -> str:
        here = f"CDB_FEED_SHARDS={self._shards} and CDB_SHARDS={self._mailboxes}"
        division = divided(strange)
        there = "CDB_FEED_SHARDS=1" if division is None else "CDB_FEED_SHARDS={} and CDB_SHARDS={}".format(*division)
        cure = "set the same here, or end all feeds and start them with the new numbers"
        return f"the feeds at work have {there}, this one has {here}, and so it gets nothing: {cure}"


def divided(leader: str) -> tuple[int, int] | None:
    """How many shards of how many mailboxes the feeds at work have, by the feed's leader; None if one hears all."""
    if not leader.startswith(DIVIDED):
        return None
    shards, _, mailboxes = leader.removeprefix(DIVIDED).partition("|")[0].partition("/")
    return int(shards), int(mailboxes)


def feed_of(token: str) -> str:
    """Which feed has a shard by this token."""
    return token.partition("#")[0]
