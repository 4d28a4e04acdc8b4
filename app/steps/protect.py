"""Hold ticks against the stops and targets of open trades: a level that is hit becomes a signal to leave.

What was to be left and was not sold is asked for again by the next tick, whatever its price.
"""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from app.domain.bars import Watched
from app.domain.market import instant
from app.domain.orders import Leg
from app.domain.protection import Level, calm
from app.domain.trading import Signal
from app.steps.exits import asked_again, exit_signal
from app.steps.ports import Trades

PROTECTION = "protection"


class Guard:
    """The protective levels as one drain sees them, read again when the trades have changed or after a while."""

    def __init__(self, trades: Trades, peaks: Mapping[int, Decimal], *, refresh_s: float, fresh_us: int) -> None:
        self.peaks = dict(peaks)  # new highs that the database has not got yet, by trade
        self._trades = trades
        self._refresh_s = refresh_s
        self._fresh_us = fresh_us
        self._levels: dict[str, list[Level]] = {}
        self._calm: dict[str, tuple[float, float]] = {}
        self._version: int | None = None
        self._read_at: float = 0

    @property
    def symbols(self) -> Container[str]:
        """Whose ticks it wants to see."""
        return self._levels.keys()

    def refresh(self, version: int, elapsed_s: float) -> None:
        """Read the levels if their version is another, or the last reading is too long ago."""
        if version == self._version and elapsed_s - self._read_at < self._refresh_s:
            return
        self.keep_peaks()
        self._levels = {}
        for level in self._trades.levels():
            self._levels.setdefault(level.symbol, []).append(level)
        self._calm = {symbol: calm(levels) for symbol, levels in self._levels.items()}
        self._version, self._read_at = version, elapsed_s

    def check(self, ticks: Iterable[Watched], frame: str, found_at: datetime) -> list[Signal]:
        """The signals that these ticks cause, one for each level, which then rests until the levels are read again.

        A tick that came in much later than it happened (a back-fill) moves no stop: it is not the market as it is.
        """
        signals: list[Signal] = []
        for tick in ticks:
            low, high = self._calm[tick.symbol]
            if low < tick.price <= high or tick.received_us - tick.time_us > self._fresh_us:
                continue
            signals += self._check(tick, frame, found_at)
        return signals

    def keep_peaks(self) -> None:
        """Write the new highs of trailing stops to the database."""
        if self.peaks:
            self._trades.raise_peaks(self.peaks)
            self.peaks = {}

    def _check(self, tick: Watched, frame: str, found_at: datetime) -> list[Signal]:
        hits: list[Signal] = []
        left: list[Level] = []
        for level in self._levels[tick.symbol]:
            wanted = _exit(level, tick, frame, found_at)
            if wanted is None:
                left.append(self._risen(level, tick.price))
            else:
                hits.append(wanted)
        self._levels[tick.symbol] = left
        self._calm[tick.symbol] = calm(left)
        return hits

    def _risen(self, level: Level, price: float) -> Level:
        risen = level.risen(price)
        if risen is not level and level.trail is not None:
            self.peaks[level.trade_id] = Decimal(str(price))
        return risen


def _exit(level: Level, tick: Watched, frame: str, found_at: datetime) -> Signal | None:
    """What a tick asks of a trade: a level that it hits comes before what was wanted already."""
    if level.rests(tick.received_us):
        return None
    leg = level.hit(tick.price)
    if leg is not None:
        return _hit(level, leg, tick, frame, found_at)
    if level.wish is None:
        return None
    at, received_us = instant(tick.time_us), tick.received_us
    return asked_again(level, level.wish, price=tick.price, at=at, found_at=found_at, tick_received_us=received_us)


def _hit(level: Level, leg: Leg, tick: Watched, frame: str, found_at: datetime) -> Signal:
    return exit_signal(
        level,
        leg,
        strategy=PROTECTION,
        price=tick.price,
        reason=f"price {tick.price} reached the {leg.replace('_', ' ')} of trade {level.trade_id}",
        at=instant(tick.time_us),
        found_at=found_at,
        correlation_id=frame,
        tick_received_us=tick.received_us,
    )
