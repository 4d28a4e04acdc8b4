"""Keep the raw ticks of a mailbox: the second reader of the same stream writes them to `market_data` in bulk."""

import time
from collections.abc import Sequence
from typing import Protocol

from app.bus.frames import Frame, Row
from app.domain.bars import is_sound
from app.domain.market import Tick
from app.steps.ports import Ticks

FRAMES_AT_ONCE = 200
TURN_S = 1  # then others are let at the process: the other mailboxes, and the sweep


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


def archive_ticks(
    shard: int,
    *,
    mailboxes: Mailboxes,
    ticks: Ticks,
    source: str,
    batch: int = FRAMES_AT_ONCE,
    turn_s: float = TURN_S,
) -> int:
    """How many ticks were new; storing twice is storing once, so that whoever dies in between loses nothing.

    Begins no further `batch` of frames after `turn_s`: what is left is the next turn's.
    """
    archive, until = mailboxes.archive(shard), time.monotonic() + turn_s
    stored = 0
    while True:
        frames = archive.read(batch)
        if not frames:
            return stored
        heard = [_tick(row) for frame in frames for row in frame.rows if is_sound(row)]
        new = ticks.archive(heard, source) if heard else 0
        stored += new
        if not archive.keep(frames, new) or time.monotonic() >= until:
            return stored


def _tick(row: Row) -> Tick:
    return Tick(*row)
