"""What the steps need from a venue."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from app.domain.balances import Balances
from app.domain.market import Bar, Instrument, Tick
from app.domain.orders import Order, Report, Search, Stamp
from app.domain.reconciliation import Stretch, VenueOrder


class Trading(Protocol):
    """A venue's private side. Errors are those of `app.domain.errors`."""

    def await_turn(self, order: Order) -> None:
        """Wait until it may be submitted; RateLimited or Unavailable when that would take too long. Claim it then."""
        ...

    def stamp(self, at: datetime) -> Stamp:
        """What a request that is claimed at this instant of ours is signed with; asks nobody."""
        ...

    def submit(self, order: Order, *, signed_at: datetime) -> str:
        """Send it once, signed with its stamp; returns the venue's order id.

        Refused, Unknown, RateLimited or Unavailable (both: certainly not placed), Denied. A no for a client order id
        that the venue has seen is Unknown: an order of that name is there.
        """
        ...

    def look_up(self, order: Order) -> Report | None:
        """What the venue says of it, by client order id; None only when an answer said that it does not show it."""
        ...

    def search(self, order: Order) -> Search:
        """What the venue says of it by its name, among what works, in its history and among its fills.

        Each of them has answered, or it is Unavailable. Dear: ask when an absence is about to be concluded.
        """
        ...

    def cancel(self, order: Order) -> None:
        """Ask for its end; read it again afterwards."""
        ...

    def balance(self, currency: str) -> Decimal:
        """What is free and locked of a currency."""
        ...


class VenueAccount(Protocol):
    """A venue's books of our account. Errors are those of `app.domain.errors`.

    Nobody waits here for a turn: without one it is RateLimited at once. What entries wait for is `pressing`. A symbol
    that is not listed any more is Restricted.
    """

    together: int  # symbols of which one request tells the open orders

    def open_orders(self, symbols: Sequence[str], *, pressing: bool = False) -> list[VenueOrder]:
        """What works there, whoever placed it."""
        ...

    def orders(self, symbol: str, since: datetime, *, pressing: bool = False) -> list[VenueOrder]:
        """Orders made since then, the newest: as far back as the venue tells at once."""
        ...

    def fills(self, symbol: str, since: datetime, until: datetime | None = None, *, pressing: bool = False) -> Stretch:
        """Fills since then, and until then, oldest first, as far back as the venue tells at once."""
        ...

    def balances(self) -> Balances:
        """What is free and locked, by currency, and between which instants of the venue's clock that was so."""
        ...

    def free(self, currency: str) -> Decimal:
        """What no order there has locked of a currency, asked with the urgency of an exit."""
        ...


class Market(Protocol):
    """A venue's public side over REST."""

    def instruments(self) -> tuple[list[Instrument], dict[str, dict[str, Any]]]:
        """Every symbol's rules, and the client's own records of them."""
        ...

    def volumes(self) -> dict[str, Decimal]:
        """Traded volume of the last day by symbol, in quote currency."""
        ...

    def bars(self, symbol: str, interval: str, since: datetime, until: datetime) -> list[Bar]:
        """Closed bars, oldest first: from klines, or made from prints where there is no kline of that length."""
        ...

    def prints(self, symbol: str, since_us: int, until_us: int) -> list[Tick]:
        """Past ticks of a symbol, oldest first."""
        ...

    def time_us(self) -> int:
        """The venue's clock."""
        ...
