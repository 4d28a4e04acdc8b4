"""Empty a mailbox: ticks become bars, levels are checked, closed bars are stored and handed on."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import structlog

from app.bus import Stale
from app.bus.frames import Frame
from app.domain.bars import Closed, FormingBars
from app.domain.trading import Signal
from app.steps.events import signal_event
from app.steps.ports import Announce, Bars, HandOn, Signals, Trades
from app.steps.protect import Guard

log = structlog.get_logger()

CLOSES_AT_ONCE = 200
LEVELS_REFRESH_S = 5
FRESH = timedelta(seconds=10)


class Lease(Protocol):
    """One drain's turn at a mailbox; every write raises Stale when the turn is over."""

    levels_version: int

    @property
    def forming(self) -> Mapping[str, Sequence[Any]]:
        """Saved state of the forming bars, by symbol."""
        ...

    @property
    def peaks(self) -> Mapping[int, Decimal]:
        """Highs of open trades in what was committed, that the drain before has not brought to the database."""
        ...

    def read(self, wait_ms: int) -> list[Frame]:
        """The next frames; waits a little for the first."""
        ...

    def extend(self, closed: Sequence[Closed], keep: int) -> None:
        """Append closed bars to the windows."""
        ...

    def commit(
        self,
        frames: Sequence[Frame],
        forming: Mapping[str, object],
        prices: Mapping[str, tuple[float, int, int]],
        counters: Mapping[str, int],
        peaks: Mapping[int, Decimal],
    ) -> None:
        """Have worked through these frames; `peaks` are those of them that the database has not got yet."""
        ...

    def rest(self) -> bool:
        """Give the mailbox back if it is empty."""
        ...

    def hand_over(self) -> None:
        """Give the mailbox back though there may be more in it."""
        ...


class Mailboxes(Protocol):
    """Where the feed puts what it hears."""

    def lease(self, shard: int) -> Lease | None:
        """Take a mailbox; None while another drain has it."""
        ...


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where a drain's results go."""

    bars: Bars
    signals: Signals
    hand_on: HandOn
    announce: Announce
    window_size: int
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Linger:
    """How long a drain stays at an empty mailbox: a tick that finds one there is spared the way of a task."""

    look_ms: int
    longest_s: float
    others_wait: Callable[[], bool]


@dataclass(slots=True)
class Complaints:
    """Bad rows are all counted; of each reason one is written down in a second."""

    last: dict[str, float] = field(default_factory=dict)

    def hear(self, shard: int, frame: str, flaws: Sequence[str]) -> None:
        """Log what is wrong with rows, not more often than is useful."""
        for reason, count in Counter(flaw.split()[0] for flaw in flaws).items():
            if time.monotonic() - self.last.get(reason, -1) >= 1:
                self.last[reason] = time.monotonic()
                example = next(flaw for flaw in flaws if flaw.startswith(reason))
                log.warning("tick is no tick", shard=shard, frame=frame, reason=example, count=count)


complaints = Complaints()


def drain(
    shard: int,
    *,
    mailboxes: Mailboxes,
    bars: Bars,
    signals: Signals,
    trades: Trades,
    hand_on: HandOn,
    announce: Announce,
    again: Callable[[int], None],
    intervals: Sequence[str],
    window_size: int,
    look_ms: int,
    linger_s: float,
    budget_s: float,
    others_wait: Callable[[], bool],
    now: Callable[[], datetime],
) -> int:
    """How many ticks were worked through.

    Lingers `linger_s` for more before it rests, unless `others_wait` for its process, which it asks after each look
    of `look_ms` that found nothing; after `budget_s` it hands over to the drain that `again` sends.
    An error leaves the cursor where it was and the lease to run out: the next drain does the same work again.
    """
    lease = mailboxes.lease(shard)
    if lease is None:
        return 0
    outlets = Outlets(bars, signals, hand_on, announce, window_size, now)
    guard = Guard(trades, lease.peaks, refresh_s=LEVELS_REFRESH_S, fresh_us=FRESH // timedelta(microseconds=1))
    turn = Turn(shard, lease, FormingBars(intervals, lease.forming), guard, outlets)
    try:
        if not turn.empty(Linger(look_ms, linger_s, others_wait), budget_s):
            again(shard)
    except Stale:  # another drain has it now, from the same cursor: nothing is lost
        log.warning("drain lost its mailbox to another", shard=shard)
    return turn.ticks


class Turn:
    """One drain at work."""

    def __init__(self, shard: int, lease: Lease, forming: FormingBars, guard: Guard, outlets: Outlets) -> None:
        self.ticks = 0
        self._shard = shard
        self._lease = lease
        self._forming = forming
        self._guard = guard
        self._to = outlets
        self._began = time.monotonic()

    def empty(self, linger: Linger, budget_s: float) -> bool:
        """Work until the mailbox has been empty for a while (True) or the time is up (False)."""
        empty_since = self._elapsed_s()
        while self._elapsed_s() < budget_s:
            frames = self._lease.read(linger.look_ms)
            if frames:
                self._work(frames)
                empty_since = self._elapsed_s()
                continue
            self._guard.keep_peaks()
            stays = self._elapsed_s() - empty_since < linger.longest_s and not linger.others_wait()
            if not stays and self._lease.rest():
                return True
        self._guard.keep_peaks()
        self._lease.hand_over()
        return False

    def _work(self, frames: Sequence[Frame]) -> None:
        self._guard.refresh(self._lease.levels_version, self._elapsed_s())
        forming = self._forming
        hits: list[Signal] = []
        closing = ""
        for frame in frames:
            self._take(frame)
            hits += self._guard.check(forming.watched, frame.id, self._to.now())
            forming.watched.clear()
            if forming.closed and not closing:
                closing = frame.id
        if forming.closed:
            self._keep(forming.closed)
        self._leave(hits)
        self._hand_on(forming.closed, closing)
        counts = forming.counts()
        self._lease.commit(frames, forming.saved(), forming.prices(), counts, self._guard.peaks)
        self.ticks += counts.get("ticks_processed", 0)
        forming.clear()

    def _take(self, frame: Frame) -> None:
        known = len(self._forming.flaws)
        rows = frame.rows
        self._forming.take(rows, self._guard.symbols)
        self._forming.flaws.extend(["frame cannot be read"] * (frame.size if not rows else 0))
        if len(self._forming.flaws) > known:
            complaints.hear(self._shard, frame.id, self._forming.flaws[known:])

    def _keep(self, closed: Sequence[Closed]) -> None:
        """Into the database first: a window can be made from it, but not the other way round."""
        self._to.bars.save([one.bar for one in closed])
        self._lease.extend(closed, self._to.window_size)
        self._guard.keep_peaks()

    def _leave(self, hits: Sequence[Signal]) -> None:
        for signal in hits:
            self._to.signals.save(signal)
            log.info("protective level hit", symbol=signal.symbol, trade_id=signal.trade_id, reason=signal.reason)
            self._to.hand_on.signal(signal.key, signal.correlation_id)
            self._to.announce("trading_signals", "ticks", signal_event(signal), self._to.now())

    def _hand_on(self, closed: Sequence[Closed], frame: str) -> None:
        for first in range(0, len(closed), CLOSES_AT_ONCE):
            some = closed[first : first + CLOSES_AT_ONCE]
            received_us = min(one.received_us for one in some)
            self._to.hand_on.closes([one.bar.key for one in some], frame, received_us)

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began
