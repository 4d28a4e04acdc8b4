"""What the feed needs of the world, and how patient it is."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from app.bus import Pushed
from app.domain.continuity import Print

Row = Sequence[Any]
SentUntil = Callable[[], int | None]  # the venue's time in microseconds; None or Unavailable while it cannot be told


class Mailboxes(Protocol):
    """Where rows go; `own` are those that this feed fills."""

    own: Sequence[int]

    def shard(self, symbol: str) -> int:
        """The mailbox of a symbol."""
        ...

    def push(self, frames: Mapping[int, Sequence[Row]]) -> dict[int, Pushed]:
        """Put one frame into each of these mailboxes."""
        ...


class Stream(Protocol):
    """A connection for some symbols."""

    symbols: tuple[str, ...]

    @property
    def confirmed(self) -> set[str]:
        """Symbols that the venue has agreed to send."""
        ...

    @property
    def refused(self) -> dict[str, str]:
        """Symbols that it will not send, and why."""
        ...

    @property
    def broken(self) -> int:
        """Frames that could not be read."""
        ...

    async def listen(self, hear: Callable[[str, list[Print]], None]) -> None:
        """Pass on what comes in, until the connection is lost: then Unavailable."""
        ...

    async def drop(self) -> None:
        """Close the connection."""
        ...

    async def close(self) -> None:
        """End it for good."""
        ...


class Asking(Protocol):
    """The venue's memory."""

    async def missed(self, symbol: str, since_ms: int, until_ms: int) -> list[Print]:
        """Prints with since <= ms <= until; Unavailable if the venue does not tell them all."""
        ...


class Market(Asking, Protocol):
    """The venue's public side."""

    async def open(self) -> None:
        """Learn the symbols; Unavailable if the venue does not answer."""
        ...

    def symbols(self) -> Sequence[str]:
        """All that the venue lists."""
        ...

    def streams(self, symbols: Sequence[str]) -> Sequence[Stream]:
        """Connections for these symbols."""
        ...

    async def behind_s(self, venue_ms: int | None) -> Sequence[tuple[Stream, float]]:
        """By how many seconds each connection was behind, when this was asked, with what it passes on.

        `venue_ms` is the venue's time, None if it goes at another pace than ours. Left out: not known.
        """
        ...

    async def offset_ms(self, now_ms: Callable[[], int]) -> int:
        """How far the venue's clock is ahead of ours."""
        ...

    async def close(self) -> None:
        """End it for good."""
        ...


class Report(Protocol):
    """Who hears of it."""

    def prints(self, symbol: str, prints: Iterable[Print]) -> None:
        """New prints of a symbol, in order."""
        ...

    def covered(self, symbol: str, since_ms: int) -> None:
        """From here on every print is told."""
        ...

    def lost(self, symbol: str) -> None:
        """Something before now is missing."""
        ...


class Counters(Protocol):
    """What the farm counts."""

    def add(self, **counts: int) -> None:
        """Raise counters by name."""
        ...


class Announce(Protocol):
    """Tells whoever listens to a topic."""

    def __call__(self, topic: str, service: str, data: Mapping[str, Any], at: datetime) -> None: ...


class Status(Protocol):
    """Where the feed says how it is."""

    def write(self, status: Mapping[str, Any]) -> None:
        """Replace the status."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for the venue to confirm, for all missed prints to be told, and of silence before one asks why."""

    confirm_s: float = 5
    catch_up_s: float = 15
    silent_s: float = 20
    redial_s: float = 0.5
    reach_s: float = 60


@dataclass(frozen=True, slots=True)
class Habits:
    """How the feed works.

    `lateness_ms` is how long after its time a tick may come in before the clock closes its bar. A `lossless` feed
    (a replay) waits instead of giving ticks up, and its farm's clock is the venue's. Seconds otherwise:
    between clock marks, status reports and measurements of the venue's clock, and how long the clock is held for
    a connection that is catching up.
    """

    lateness_ms: int = 500
    lossless: bool = False
    limit: int = 100_000
    mark_s: float = 1
    status_s: float = 2
    offset_s: float = 60
    hold_s: float = 10
    patience: Patience = field(default_factory=Patience)
