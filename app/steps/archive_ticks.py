"""Keep the raw ticks of a mailbox: the second reader of the same stream writes them to `market_data` in bulk."""

from collections.abc import Sequence
from typing import Protocol

from app.bus.frames import Frame, Row
from app.domain.bars import is_sound
from app.domain.market import Tick
from app.steps.ports import Ticks

FRAMES_AT_ONCE = 200
LAPS = 50


class Archive(Protocol):
    """The archiver's place in one mailbox."""

    def read(self, frames: int) -> list[Frame]:
        """The next frames, at most so many."""
        ...

    def keep(self, frames: Sequence[Frame], stored: int) -> bool:
        """Say that these frames are stored; False when another archiver was quicker."""
        ...


class Mailboxes(Protocol):
    """Where the feed puts what it hears."""

    def archive(self, shard: int) -> Archive:
        """The second reader of a mailbox."""
        ...


def archive_ticks(shard: int, *, mailboxes: Mailboxes, ticks: Ticks, source: str, batch: int = FRAMES_AT_ONCE) -> int:
    """How many ticks were new; storing twice is storing once, so that whoever dies in between loses nothing."""
    archive = mailboxes.archive(shard)
    stored = 0
    for _ in range(LAPS):
        frames = archive.read(batch)
        if not frames:
            return stored
        heard = [_tick(row) for frame in frames for row in frame.rows if is_sound(row)]
        new = ticks.archive(heard, source) if heard else 0
        stored += new
        if not archive.keep(frames, new):
            return stored
    return stored


def _tick(row: Row) -> Tick:
    return Tick(*row)
