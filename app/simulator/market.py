"""What the venue lists and what its market prints, wherever the prints come from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol


class Print(NamedTuple):
    """One print of the market; `symbol` is the venue's name (BTCUSDT), `side` the taker's: buy or sell."""

    symbol: str
    time_ms: int
    price: Decimal
    quantity: Decimal
    side: str
    trade_id: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A symbol's rules at the venue; notionals in quote currency, amounts in base currency."""

    base: str
    quote: str
    opening: Decimal
    price_decimals: int = 2
    amount_decimals: int = 6
    min_amount: Decimal = Decimal(0)
    min_notional: Decimal = Decimal(1)
    max_notional: Decimal = Decimal(2_000_000)
    tradable: bool = True
    market_orders: bool = True
    turnover: Decimal = Decimal(0)

    @property
    def name(self) -> str:
        """The venue's name: BTCUSDT."""
        return self.base + self.quote

    @property
    def symbol(self) -> str:
        """The farm's name: BTC/USDT."""
        return f"{self.base}/{self.quote}"

    @property
    def tick(self) -> Decimal:
        """The least difference of two prices."""
        return Decimal(1).scaleb(-self.price_decimals)

    @property
    def step(self) -> Decimal:
        """The least difference of two amounts."""
        return Decimal(1).scaleb(-self.amount_decimals)


class Market(Protocol):
    """Where prints come from."""

    @property
    def kind(self) -> str:
        """synthetic, idle, replay or mirror."""
        ...

    @property
    def listings(self) -> Mapping[str, Listing]:
        """What is listed, by the venue's name."""
        ...

    @property
    def seed(self) -> int | None:
        """What the market grows from, if it does."""
        ...

    @property
    def begins_ms(self) -> int:
        """There is nothing before."""
        ...

    @property
    def start_ms(self) -> int:
        """Prints from here on are given by `due`, earlier ones by `past`."""
        ...

    def due(self, now_ms: int) -> Sequence[Print]:
        """Prints up to and including now that were not given before, in order."""
        ...

    def past(self, name: str, since_ms: int, until_ms: int) -> Iterable[Print]:
        """Prints of one symbol with since <= time < until from before the venue was started, in order."""
        ...


def text(value: Decimal) -> str:
    """A number as MEXC writes it: no exponent, no idle zeros."""
    return f"{value.normalize():f}"
