"""What the steps need from Redis and the broker."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from app.domain.market import Bar, BarClose


class Prices(Protocol):
    """The last price of each symbol."""

    def last(self, symbols: Iterable[str]) -> dict[str, tuple[float, int]]:
        """Price and its `time_us` by symbol; a symbol that was never heard is left out."""
        ...


class Windows(Protocol):
    """The last bars that a strategy sees."""

    def read(self, close: BarClose, size: int) -> list[Bar]:
        """The last `size` bars up to and with this one, oldest first, rebuilt where Redis has forgotten them."""
        ...


class Searched(Protocol):
    """Which closed bars need not be searched again for a while."""

    def quiet(self, closes: Sequence[BarClose], at: datetime, until: datetime) -> None:
        """Leave these alone until then."""
        ...

    def due(self, closes: Sequence[BarClose], at: datetime) -> list[BarClose]:
        """Those of them that are not left alone now."""
        ...


class Announce(Protocol):
    """Tells whoever listens to a topic; never fails, never waits."""

    def __call__(self, topic: str, service: str, data: Mapping[str, Any], at: datetime) -> None: ...


class HandOn(Protocol):
    """Sends work to the next queue."""

    def closes(self, closes: Sequence[BarClose], frame: str, received_us: int) -> None:
        """To signals.find; `frame` names the frame of ticks that closed them."""
        ...

    def signal(self, key: str, correlation_id: str) -> None:
        """To risk.approve, then orders.place."""
        ...

    def order(self, client_order_id: str, correlation_id: str, delay_s: float = 0) -> None:
        """To orders.place, after a while."""
        ...

    def settle(self, client_order_id: str, correlation_id: str, delay_s: float) -> None:
        """To orders.settle, after a while."""
        ...
