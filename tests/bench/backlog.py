"""More ticks than a farm can work through at once, laid into its mailboxes, so that nothing else bounds it."""

import time
from collections.abc import Sequence

import tasks.ticks  # noqa: F401  # so that a drain can be named
from app import bus, wiring
from app.bus.frames import Row
from app.domain.market import microseconds
from tasks._hand_on import enqueue_drain

FRAME = 250  # rows, as a feed sends them under load
FILLED_WITHIN_MS = 120_000
LOOK_S = 0.02
AHEAD_US = 86_400_000_000

Entry = tuple[bytes, dict[bytes, bytes]]


class Backlog:
    """Fills the mailboxes of the farm that `wiring` leads to.

    Market time goes on with the clock, or with `span_us` by so much with each filling, in a future that the feed's
    clock marks do not reach: then each closes as many bars as the others, however long it took.
    """

    def __init__(self, symbols: Sequence[str], span_us: int | None = None) -> None:
        limits = bus.Limits(cap=wiring.settings().mailbox_cap, lease_ms=FILLED_WITHIN_MS, archiving=False)
        self._boxes = bus.Mailboxes(wiring.redis(), wiring.keys(), wiring.settings().shards, limits)
        self._symbols = [
            [one for one in symbols if self._boxes.shard(one) == shard] for shard in range(self._boxes.shards)
        ]
        self._held: list[bus.Lease] = []
        self._span_us = span_us
        self._since_us = microseconds(wiring.now()) if span_us is None else _beyond(microseconds(wiring.now()), span_us)

    def fill(self, rows: int) -> None:
        """So many in all, the same number in each mailbox, which no drain gets until `work_off`."""
        self._held = [self._hold(shard) for shard in range(self._boxes.shards)]
        now_us = microseconds(wiring.now()) if self._span_us is None else self._since_us + self._span_us
        for shard, names in enumerate(self._symbols):
            ticks = self._ticks(names, rows // len(self._symbols), now_us)
            for first in range(0, len(ticks), FRAME):
                pushed = self._boxes.push({shard: ticks[first : first + FRAME]})
                assert pushed[shard].taken, "the mailbox is full: CDB_MAILBOX_CAP"
        self._since_us = now_us

    def entries(self, shard: int) -> list[Entry]:
        """What waits in a mailbox, as Redis has it."""
        found: list[Entry] = wiring.redis().xrange(wiring.keys().mailbox(shard))  # type: ignore[assignment]
        return found

    def work_off(self) -> float:
        """Have it all worked through; rows a second."""
        rows, began = self._waiting(), time.monotonic()
        for shard, lease in enumerate(self._held):
            lease.hand_over()
            enqueue_drain(shard)
        while self._waiting():
            time.sleep(LOOK_S)
        return rows / (time.monotonic() - began)

    def _hold(self, shard: int) -> bus.Lease:
        """A drain stays while clock marks come in, so it is put out; the next one reads what it has not written."""
        while (lease := self._boxes.lease(shard)) is None:
            wiring.redis().delete(wiring.keys().lease(shard))
        return lease

    def _waiting(self) -> int:
        return sum(self._boxes.depths().values())

    def _ticks(self, names: Sequence[str], count: int, until_us: int) -> list[Row]:
        """Their bars reach from the last filling to now."""
        step = (until_us - self._since_us) / count
        times_us = [self._since_us + int(number * step) for number in range(count)]
        return [
            (names[number % len(names)], time_us, 100.0, 1.0, "buy", time_us) for number, time_us in enumerate(times_us)
        ]


def _beyond(now_us: int, span_us: int) -> int:
    """In the middle of a span that the clock does not come to: the end of each lies within a filling."""
    return now_us + AHEAD_US - now_us % span_us + span_us // 2
