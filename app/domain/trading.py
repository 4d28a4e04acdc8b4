"""What strategies wish and what approvals decide about: signals and intents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from app.domain.market import Instrument, instant_text
from app.domain.orders import PROTECTIVE, Leg, Side, intent_key


@dataclass(frozen=True, slots=True)
class Wish:
    """What a strategy's `decide` returns: a side and how strongly, 0 < strength <= 1."""

    side: Side
    strength: float
    reason: str

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 1:
            raise ValueError(f"strength {self.strength} is not within (0, 1]")


@dataclass(frozen=True, slots=True)
class Signal:
    """A strategy's wish, or a protective level that was hit, with all that it was based on.

    `price` is the close of the bar, or the tick that hit the level; `indicators` and `indicators_before` are the two
    rows that were decided on; the window had `window_bars` bars, the first of which ended at `window_since`, and a gap
    if it is not `window_whole`; `trade_id` is set when the signal leaves one trade.
    """

    key: str
    strategy: str
    version: str
    symbol: str
    interval: str
    bar_end: datetime
    leg: Leg
    side: Side
    strength: float
    reason: str
    price: float
    found_at: datetime
    bar_fingerprint: str = ""
    indicators: Mapping[str, float] = field(default_factory=dict)
    indicators_before: Mapping[str, float] = field(default_factory=dict)
    window_bars: int = 0
    window_since: datetime | None = None
    window_whole: bool = True
    trade_id: int | None = None
    correlation_id: str = ""
    tick_received_us: int = 0

    @property
    def is_exit(self) -> bool:
        """Whether it leaves a trade."""
        return self.side is Side.SELL

    @property
    def is_protective(self) -> bool:
        """Whether it is a stop or a target that was hit."""
        return self.leg in PROTECTIVE


def signal_key(strategy: str, version: str, symbol: str, interval: str, bar_end: datetime, side: Side) -> str:
    """The name of a wish: the same bar, strategy and side always give the same."""
    return intent_key(strategy, version, symbol, interval, instant_text(bar_end), side)


def exit_key(trade_id: int, leg: Leg, attempt: int) -> str:
    """The name of a protective exit: one per trade, leg and attempt."""
    return intent_key("exit", trade_id, leg, attempt)


def client_order_id(signal: Signal) -> str:
    """The order's name, a function of the intent alone."""
    return intent_key(signal.strategy, signal.symbol, instant_text(signal.bar_end), signal.side, signal.leg, signal.key)


@dataclass(frozen=True, slots=True)
class Intent:
    """What an order would be for: the signal, sized, in the market as it stands.

    `amount` is in base and `price` and `notional` in quote currency; `market_age_s` is how old the last
    tick of the symbol is, None if there was none. `goes_on` says of an exit that its trade was to be left before.
    """

    signal: Signal
    instrument: Instrument
    price: Decimal
    amount: Decimal
    at: datetime
    market_age_s: float | None
    goes_on: bool = False

    @property
    def symbol(self) -> str:
        """What it trades."""
        return self.instrument.symbol

    @property
    def notional(self) -> Decimal:
        """What it costs, in quote currency."""
        return self.price * self.amount

    @property
    def age_s(self) -> float:
        """Seconds since the bar closed or the level was hit."""
        return (self.at - self.signal.bar_end).total_seconds()
