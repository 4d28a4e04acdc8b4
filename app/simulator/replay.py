"""A recorded market: a file's rows, once each, in their order, at their recorded times."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import structlog

from app.domain.recording import BadRow, Row, Summary, rows, stop, summary
from app.simulator.market import Listing, Print

log = structlog.get_logger()

DAY_US = 86_400_000_000
HEADSTART_US = 100_000
SHOWN_BAD_ROWS = 5
AT_ONCE = 20_000


class Replay:
    """Prints nothing until `play`; `bad_rows` are counted and left out, unless `strict`.

    The venue's clock is set to `launch_us`, noon of the day before the first row: whoever connects until midnight
    hears bars of up to a day from their beginning. A recording that waits for longer is moved by whole days.
    Raises BadRecording for a file that cannot be played.
    """

    kind = "replay"
    seed: int | None = None

    def __init__(self, path: Path, *, strict: bool = False) -> None:
        self.bad_rows = 0
        self._path, self._strict = path, strict
        self.summary: Summary = summary(path, bad=stop if strict else self._count)
        self.total = self.summary.rows
        self.listings: Mapping[str, Listing] = {one.name: one for one in listings_of(self.summary)}
        self.sent: Counter[str] = Counter()
        self._names = {one.symbol: one.name for one in self.listings.values()}
        self._shift_us = 0
        self.launch_us = self.summary.first_us // DAY_US * DAY_US - DAY_US // 2
        self.begins_ms = self.start_ms = self.launch_us // 1000
        self._rows: Iterator[Row] | None = None
        self._next: Row | None = None

    def play(self, now_us: int) -> int:
        """Start, and return to which time the venue's clock may go at once: just before the first print."""
        begins_us = self.summary.first_us - HEADSTART_US
        if self._rows is None:
            self._shift_us = max(0, -(-(now_us - begins_us) // DAY_US)) * DAY_US
            self._rows = rows(self._path, bad=_skip)
            self._next = next(self._rows, None)
        return begins_us + self._shift_us

    @property
    def playing(self) -> bool:
        """Whether it was started."""
        return self._rows is not None

    @property
    def done(self) -> bool:
        """Whether every row was given."""
        return self.playing and self._next is None

    def due(self, now_ms: int) -> Sequence[Print]:
        """Rows whose time has come, at most so many at once."""
        found: list[Print] = []
        while self._rows is not None and self._next is not None and len(found) < AT_ONCE:
            if self._time_ms(self._next) > now_ms:
                break
            found.append(self._print(self._next))
            self._next = next(self._rows, None)
        return found

    def given_until(self, now_ms: int) -> int:
        """Up to when every row was given: behind the clock if there are more than can be given in time."""
        return now_ms if self._next is None else min(now_ms, self._time_ms(self._next) - 1)

    def past(self, name: str, since_ms: int, until_ms: int) -> Iterable[Print]:
        """A recording has no past of its own."""
        return ()

    def _time_ms(self, row: Row) -> int:
        return (row.time_us + self._shift_us) // 1000

    def _print(self, row: Row) -> Print:
        name = self._names[row.symbol]
        self.sent[name] += 1
        return Print(name, self._time_ms(row), row.price, row.quantity, row.side, row.trade_id or str(self.sent[name]))

    def _count(self, row: BadRow) -> None:
        self.bad_rows += 1
        if self.bad_rows <= SHOWN_BAD_ROWS:
            log.warning("row left out", problem=str(row))


def listings_of(recorded: Summary) -> Iterator[Listing]:
    """A listing for each symbol of a file, as precise as the file is."""
    for symbol, traded in recorded.symbols.items():
        base, _, quote = symbol.partition("/")
        step = Decimal(1).scaleb(-traded.quantity_decimals)
        yield Listing(
            base=base,
            quote=quote,
            opening=traded.first_price,
            price_decimals=traded.price_decimals,
            amount_decimals=traded.quantity_decimals,
            min_amount=step,
        )


def _skip(row: BadRow) -> None:
    """It was counted when the file was read the first time."""
