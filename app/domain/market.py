"""What the market says: ticks, bars and the instruments they belong to."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple

EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Tick(NamedTuple):
    """One print of the market.

    A bare tuple, because a million of them pass; `flaw` checks it once, where it enters the farm.
    `time_us` is the venue's time in microseconds since the epoch, unique and rising per symbol;
    `received_us` is the farm's clock when the frame came in.
    """

    symbol: str
    time_us: int
    price: float
    quantity: float
    side: str
    received_us: int = 0


class BarClose(NamedTuple):
    """Which bar has closed: the key that crosses the broker instead of the bar."""

    symbol: str
    interval: str
    end: str


def flaw(tick: Tick) -> str | None:
    """Why a tick cannot be one, or None."""
    if not (math.isfinite(tick.price) and tick.price > 0):
        return f"price {tick.price} is not a positive number"
    if not (math.isfinite(tick.quantity) and tick.quantity > 0):
        return f"quantity {tick.quantity} is not a positive number"
    if tick.time_us <= 0:
        return f"time {tick.time_us} is not after 1970"
    if tick.side not in ("buy", "sell"):
        return f"side {tick.side!r} is neither buy nor sell"
    return None


@dataclass(frozen=True, slots=True)
class Bar:
    """Open, high, low, close and volume over an interval that ends (exclusively) at `end`.

    `whole` is False when some of its interval was not heard: the feed was away, or began within it.
    """

    symbol: str
    interval: str
    end: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    ticks: int
    whole: bool = True

    @property
    def key(self) -> BarClose:
        """The key under which it crosses the broker."""
        return BarClose(self.symbol, self.interval, instant_text(self.end))

    @property
    def fingerprint(self) -> str:
        """A hash of its figures, so that a signal can prove which bar it saw."""
        figures = (self.open, self.high, self.low, self.close, self.volume, self.ticks)
        text = "|".join((*self.key, *map(repr, figures)))
        return blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Instrument:
    """A symbol's rules at its venue: steps, minimums, and whether the API may trade it.

    Amounts are in base currency, notionals in quote currency; a limit of None is no limit.
    """

    symbol: str
    base: str
    quote: str
    tradable: bool
    price_step: Decimal
    amount_step: Decimal
    min_amount: Decimal
    min_notional: Decimal
    max_notional: Decimal | None = None
    taker_fee: Decimal = Decimal("0.0005")
    market_orders: bool = True

    def __post_init__(self) -> None:
        if self.price_step <= 0 or self.amount_step <= 0:
            raise ValueError(f"{self.symbol}: steps must be positive, got {self.price_step}, {self.amount_step}")

    def floor_amount(self, amount: Decimal) -> Decimal:
        """The largest amount the venue takes that is not above this one."""
        return floor_to(amount, self.amount_step)

    def round_price(self, price: Decimal) -> Decimal:
        """The nearest price on the venue's grid, never below one step."""
        steps = (price / self.price_step).to_integral_value()
        return max(steps, Decimal(1)) * self.price_step


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `value`."""
    return value // step * step  # `//` is exact; a division could round up to the multiple above


def interval_seconds(interval: str) -> int:
    """Seconds of an interval written as `1s`, `5m`, `4h`, `1d`."""
    match = re.fullmatch(r"([1-9][0-9]*)([smhd])", interval)
    if match is None:
        raise ValueError(f"{interval!r} is no interval: write a number and s, m, h or d, such as 1m")
    return int(match[1]) * UNIT_S[match[2]]


def bar_end_us(time_us: int, interval_us: int) -> int:
    """The end of the interval that an instant falls into."""
    return time_us - time_us % interval_us + interval_us


def instant(time_us: int) -> datetime:
    """Microseconds since the epoch as aware UTC, exact."""
    return EPOCH + timedelta(microseconds=time_us)


def microseconds(at: datetime) -> int:
    """Aware UTC as microseconds since the epoch, exact."""
    return (at - EPOCH) // MICROSECOND


def instant_text(at: datetime) -> str:
    """`2024-11-20T14:32:00Z`; fractions of a second only where there are some."""
    return at.isoformat().replace("+00:00", "Z")
