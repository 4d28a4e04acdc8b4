"""What a drain makes of a full mailbox, beside the same arithmetic in one process without a queue."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from statistics import median

import psutil

from app import wiring
from app.bus.frames import frame_of
from app.bus.lease import FRAMES_AT_ONCE
from app.domain.bars import Closed, FormingBars
from app.domain.portfolio import Trade, TradeStatus
from app.domain.protection import Protection
from app.simulator.catalogue import symbols
from app.steps.drain import FRESH, LEVELS_REFRESH_S
from app.steps.protect import Guard
from app.store import rows
from models import TradeRow
from tests.bench import farms
from tests.bench.backlog import Backlog, Entry
from tests.bench.figures import Figure

UNIVERSES = (50, 1_950)
INTERVAL, SPAN_US = "1m", 60_000_000  # each filling closes one bar of every symbol
ROUNDS, ROWS, SETTLE_S = 3, 1_000_000, 5.0
BUSY = {
    "VENUE_MARKET": "idle",
    "BAR_INTERVALS": INTERVAL,
    "STRATEGIES": "momentum",
    "MAILBOX_CAP": str(ROWS),
    "ARCHIVE": "false",  # it has a benchmark of its own
}
ONE, PRICE = Decimal(1), Decimal(100)
FAR = Protection(stop_loss=Decimal("0.99"), take_profit=Decimal(99), trailing_stop=Decimal("0.99"))  # nothing is hit


@dataclass(frozen=True, slots=True)
class Round:
    """Ticks a second, and microseconds of CPU for one: of the workers and of the arithmetic alone."""

    rate: float
    workers_us: float
    alone_us: float


def run() -> list[Figure]:
    """A position with a stop, a target and a trailing stop in every symbol, of few and of many."""
    return [figure for count in UNIVERSES for figure in _told(count, farms.apart(_rounds, symbols(count)))]


def _told(count: int, rounds: Sequence[Round]) -> list[Figure]:
    workers, alone = (median(getattr(one, name) for one in rounds) for name in ("workers_us", "alone_us"))
    rate, rate_alone = median(one.rate for one in rounds), 1e6 / alone
    shares = [one.alone_us / one.workers_us for one in rounds]
    return [
        Figure(
            f"{count} symbols: ticks drained by two workers, beside one process without a queue",
            rate,
            rate_alone,
            "ticks/s",
        ),
        Figure("  CPU of the workers for a tick, beside its arithmetic alone", workers, alone, "µs"),
        Figure("  the arithmetic's share of the workers' CPU", median(shares), None, ""),
        Figure("  the least of it", min(shares), None, ""),
    ]


def _rounds(names: Sequence[str]) -> list[Round]:
    with busy(names) as farm:
        return rounds(farm, names)


@contextmanager
def busy(names: Sequence[str], **settings: str) -> Iterator[psutil.Process]:
    """A farm in a market that is still, which a benchmark fills with ticks."""
    with farms.running(**BUSY, SYMBOLS=",".join(names), **settings) as farm:
        wiring.reset()
        yield farm


def rounds(farm: psutil.Process, names: Sequence[str]) -> list[Round]:
    """Fillings of all mailboxes, worked off one after the other, with a position in every symbol."""
    _hold(names)
    time.sleep(SETTLE_S)
    backlog = Backlog(names, SPAN_US)
    _round(farm, backlog)  # the windows are made, and the drains have their code warm
    found = [_round(farm, backlog) for _ in range(ROUNDS)]
    assert len(wiring.trades().levels()) == len(names), "levels were hit or taken away: this measured less"
    return found


def _round(farm: psutil.Process, backlog: Backlog) -> Round:
    backlog.fill(ROWS)
    alone_us = _alone_us(backlog.entries(0))
    used = farms.cpu_s(farm)["ticks"]
    rate = backlog.work_off()
    return Round(rate, (farms.cpu_s(farm)["ticks"] - used) / ROWS * 1e6, alone_us)


def _alone_us(entries: Sequence[Entry]) -> float:
    """Microseconds of CPU for a tick that one process decodes, takes into its bars and holds against its levels."""
    forming = FormingBars((INTERVAL,))
    guard = Guard(wiring.trades(), {}, refresh_s=LEVELS_REFRESH_S, fresh_us=FRESH // timedelta(microseconds=1))
    guard.refresh(0, 0)
    now, kept, ticks = wiring.now(), list[Closed](), 0
    began = time.process_time()
    for first in range(0, len(entries), FRAMES_AT_ONCE):
        for entry_id, fields in entries[first : first + FRAMES_AT_ONCE]:
            frame = frame_of(entry_id, fields)
            forming.take(frame.rows, guard.symbols)
            assert not guard.check(forming.watched, frame.id, now)
            forming.watched.clear()
        kept += forming.closed
        ticks += forming.taken
        forming.clear()
    return (time.process_time() - began) / ticks * 1e6


def _hold(names: Sequence[str]) -> None:
    """Open trades, as if their entries had been filled."""
    at = wiring.now()
    with wiring.database().writing() as session:
        for number, name in enumerate(names):
            trade = Trade(0, name, "bench", TradeStatus.OPEN, at, size=ONE, left=ONE, entry_price=PRICE, peak=PRICE)
            row = TradeRow(symbol=name, direction="long", timestamp=at, signal_key=f"{number}", correlation_id="bench")
            rows.write_trade(row, FAR.protect(trade))
            session.add(row)
    wiring.levels_changed()()
