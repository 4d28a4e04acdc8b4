"""A mailbox in virtual time: what the Lua scripts promise a drain and an archiver, without their server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.bus import Stale
from app.bus.frames import Frame, Row, packed
from app.domain.bars import Closed, is_sound
from tests.chaos.virtual import Timeline

LEASE = timedelta(seconds=2)
FRAMES_AT_ONCE = 2


@dataclass
class Mailboxes:
    """One mailbox for all symbols, `drained` and `archived` so far; a lease that has run out is anyone's."""

    timeline: Timeline
    frames: list[Frame] = field(default_factory=list)
    pushed_at: list[datetime] = field(default_factory=list)
    forming: dict[str, Any] = field(default_factory=dict)
    peaks: dict[int, Decimal] = field(default_factory=dict)
    drained: int = 0
    drained_at: list[datetime] = field(default_factory=list)
    archived: int = 0
    levels_version: int = 0
    holder: "Lease | None" = None
    until: datetime | None = None
    unarchived: int = 0  # sound rows that were lost before they were archived

    @property
    def is_leased(self) -> bool:
        """Whether some drain has it."""
        return self.holder is not None and self.until is not None and self.timeline.at < self.until

    def push(self, rows: Sequence[Row]) -> None:
        """A frame from the feed."""
        self.pushed_at.append(self.timeline.at)
        self.frames.append(Frame(f"{len(self.frames) + 1}-0", packed(rows), len(rows)))

    def flush(self) -> None:
        """All is lost: frames that nobody has worked through, forming bars, and the lease of whoever is at work."""
        self.unarchived += sum(is_sound(row) for frame in self.frames[self.archived :] for row in frame.rows)
        self.drained = self.archived = len(self.frames)
        self.forming, self.holder, self.levels_version = {}, None, 0

    def change_levels(self) -> None:
        """Trades have changed: the next read of every drain shows it."""
        self.levels_version += 1

    def lease(self, shard: int) -> "Lease | None":
        if self.is_leased:
            return None
        self.holder = Lease(self, dict(self.forming), dict(self.peaks), self.drained)
        self.until = self.timeline.at + LEASE
        return self.holder

    def shard(self, symbol: str) -> int:
        return 0

    def worked_through(self) -> dict[int, float]:
        if not self.drained:
            return {}
        return {0: (self.timeline.at - self.pushed_at[self.drained - 1]).total_seconds()}

    def stranded(self) -> list[int]:
        return [0] if self.drained < len(self.frames) and not self.is_leased else []

    def archive(self, shard: int) -> "Archive":
        return Archive(self, self.archived)


@dataclass(eq=False)
class Lease:
    """One drain's turn; a drain that was stopped for too long finds that it is not the holder any more."""

    box: Mailboxes
    forming: Mapping[str, Any]
    peaks: Mapping[int, Decimal]
    cursor: int

    @property
    def levels_version(self) -> int:
        return self.box.levels_version

    def read(self, wait_ms: int) -> list[Frame]:
        return self.box.frames[self.cursor : self.cursor + FRAMES_AT_ONCE]

    def extend(self, closed: Sequence[Closed], keep: int) -> None:
        self._hold()

    def commit(
        self,
        frames: Sequence[Frame],
        forming: Mapping[str, object],
        prices: Mapping[str, tuple[float, int, int]],
        counters: Mapping[str, int],
        peaks: Mapping[int, Decimal],
    ) -> None:
        self._hold()
        self.cursor += len(frames)
        self.box.drained = self.cursor
        self.box.drained_at += [self.box.timeline.at] * len(frames)
        self.box.peaks = dict(peaks)
        self.box.forming |= forming

    def rest(self) -> bool:
        self._hold()
        if self.cursor < len(self.box.frames):
            return False
        self.box.holder = None
        return True

    def hand_over(self) -> None:
        self._hold()
        self.box.holder = None

    def _hold(self) -> None:
        if self.box.holder is not self:
            raise Stale("mailbox 0")
        self.box.until = self.box.timeline.at + LEASE


@dataclass
class Archive:
    """The second reader."""

    box: Mailboxes
    cursor: int

    def read(self, frames: int) -> list[Frame]:
        self.cursor = self.box.archived
        return self.box.frames[self.cursor : self.cursor + frames]

    def keep(self, frames: Sequence[Frame], stored: int) -> bool:
        if self.cursor != self.box.archived:
            return False
        self.box.archived += len(frames)
        return True
