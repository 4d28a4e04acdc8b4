"""Send a drain to every mailbox that is not empty and that nobody works on: a lost message costs seconds, no tick."""

from collections.abc import Callable
from typing import Protocol


class Mailboxes(Protocol):
    """Where the feed puts what it hears."""

    def stranded(self) -> list[int]:
        """Shards whose mailbox is not empty though no drain is at work."""
        ...


def wake(*, mailboxes: Mailboxes, enqueue: Callable[[int], None]) -> int:
    """How many drains were sent."""
    stranded = mailboxes.stranded()
    for shard in stranded:
        enqueue(shard)
    return len(stranded)
