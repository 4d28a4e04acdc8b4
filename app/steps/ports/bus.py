"""What the steps need from Redis and the broker."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from app.domain.clock_skew import Skew
from app.domain.history import Outdated
from app.domain.letters import DeadLetter
from app.domain.market import BarClose
from app.domain.window import Window

Thing = TypeVar("Thing")


class Prices(Protocol):
    """The last price of each symbol."""

    def last(self, symbols: Iterable[str]) -> dict[str, tuple[float, int]]:
        """Price, a positive number, and its `time_us` by symbol; a symbol that was never heard is left out."""
        ...


class Windows(Protocol):
    """The last bars that a strategy sees."""

    def ahead(self, closes: Sequence[BarClose]) -> "WindowsAhead":
        """Those of these closes, asked for at once."""
        ...

    def read(self, close: BarClose, size: int) -> Window:
        """The last `size` bars up to and with this one, oldest first, rebuilt where Redis has forgotten them."""
        ...


class WindowsAhead(Protocol):
    """Windows that were asked for ahead; what is wrong with one is raised where that one is read."""

    def read(self, close: BarClose, size: int) -> Window:
        """As `Windows.read`, of one of the closes that were named."""
        ...


class Resting(Protocol[Thing]):
    """What need not be looked at again for a while: closes that were searched, signals that were sent again."""

    def quiet(self, things: Sequence[Thing], at: datetime, until: datetime) -> None:
        """Leave these alone until then."""
        ...

    def due(self, things: Sequence[Thing], at: datetime) -> list[Thing]:
        """Those of them that are not left alone now."""
        ...


class OutdatedHistories(Protocol):
    """Which symbols' histories are outdated just now."""

    def all(self) -> dict[str, Outdated]:
        """By name."""
        ...

    def tell(self, one: Outdated) -> None:
        """This one is, as of now."""
        ...

    def end(self, name: str) -> None:
        """And no longer."""
        ...


class ClockSkews(Protocol):
    """How far the venue's clock was from ours when it was measured last."""

    def read(self) -> Skew | None:
        """The last measurement, or None."""
        ...

    def write(self, skew: Skew) -> None:
        """Replace it."""
        ...


class LettersAside(Protocol):
    """Dead letters that the database could not take."""

    def put(self, letter: DeadLetter) -> bool:
        """Put a letter aside; False if an older one had to go for it."""
        ...

    def oldest(self, limit: int) -> list[DeadLetter]:
        """Those that have waited longest, oldest first; they stay."""
        ...

    def drop(self, letters: Sequence[DeadLetter]) -> None:
        """Those that the database has now."""
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


class Reruns(Protocol):
    """Sends failed tasks once more, as they were."""

    def obstacle(self, letter: DeadLetter) -> str:
        """Why nobody here could run it, or nothing."""
        ...

    def send(self, letter: DeadLetter, run: int) -> None:
        """Under its own ids, with the rest of its chain; NotSent if the broker did not take it."""
        ...
