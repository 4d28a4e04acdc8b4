"""How the market is divided over feeds: each mailbox belongs to one shard, and each shard to one feed."""

from collections.abc import Sequence


def own_mailboxes(shard: int, shards: int, mailboxes: int) -> range:
    """The mailboxes of one of so many shards of a feed: each mailbox has exactly one."""
    return range(shard, mailboxes, shards)


def fair_part(me: str, holders: Sequence[str], feeds: Sequence[str]) -> int:
    """How many of the shards are this feed's. `holders` says who has each, or nothing; `feeds` are alive, this one too.

    No two feeds' parts differ by more than one, all of them together are all shards, and who has more keeps more: so
    that nothing moves that need not.
    """
    least, more = divmod(len(holders), len(feeds))
    first = sorted(feeds, key=lambda feed: (-holders.count(feed), feed))
    return least + (first.index(me) < more)


def unheard(silent: Sequence[int], shards: int) -> str:
    """Which of them nobody hears, in a few words."""
    return f"nobody hears shard{'s' if len(silent) > 1 else ''} {', '.join(map(str, silent))} of {shards}"
