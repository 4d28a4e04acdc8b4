"""A recorded market: a file's rows, once each, in their order, with their spacing, moved to now by whole minutes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import structlog

from app.domain.recording import BadRow, Row, Summary, rows, stop, summary
from app.simulator.market import Listing, Print

log = structlog.get_logger()

MINUTE_US = 60_000_000
HEADSTART_US = 100_000
SHOWN_BAD_ROWS = 5
AT_ONCE = 20_000


class Replay:
    """Prints nothing until `play`; `bad_rows` are counted and left out, unless `strict`.

    Raises BadRecording for a file that cannot be played.
    """

    kind = "replay"
    seed: int | None = None

    def __init__(self, path: Path, *, lead_us: int = 5_000_000, now_us: int, strict: bool = False) -> None:
        self.bad_rows = 0
        self._path, self._strict = path, strict
        self.summary: Summary = summary(path, bad=stop if strict else self._count)
        self.total = self.summary.rows
        self.listings: Mapping[str, Listing] = {one.name: one for one in listings_of(self.summary)}
        self.sent: Counter[str] = Counter()
        self._names = {one.symbol: one.name for one in self.listings.values()}
        self._shift_us = whole_minutes(now_us + lead_us - self.summary.first_us, up=False)
        self.launch_us = self.summary.first_us + self._shift_us - lead_us
        self.begins_ms = self.start_ms = self.launch_us // 1000
        self._rows: Iterator[Row] | None = None
        self._next: Row | None = None

    def play(self, now_us: int) -> int:
        """Start, and return to which time the venue's clock may go at once: just before the first print."""
        if self._rows is None:
            first_us = self.summary.first_us
            if first_us + self._shift_us - HEADSTART_US < now_us:
                self._shift_us = whole_minutes(now_us + HEADSTART_US - first_us, up=True)
            self._rows = rows(self._path, bad=_skip)
            self._next = next(self._rows, None)
        return self.summary.first_us + self._shift_us - HEADSTART_US

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
            time_ms = (self._next.time_us + self._shift_us) // 1000
            if time_ms > now_ms:
                break
            found.append(self._print(self._next, time_ms))
            self._next = next(self._rows, None)
        return found

    def past(self, name: str, since_ms: int, until_ms: int) -> Iterable[Print]:
        """A recording has no past of its own."""
        return ()

    def _print(self, row: Row, time_ms: int) -> Print:
        name = self._names[row.symbol]
        self.sent[name] += 1
        return Print(name, time_ms, row.price, row.quantity, row.side, row.trade_id or str(self.sent[name]))

    def _count(self, row: BadRow) -> None:
        self.bad_rows += 1
        if self.bad_rows <= SHOWN_BAD_ROWS:
            log.warning("row left out", problem=str(row))


def whole_minutes(us: int, *, up: bool) -> int:
    """The nearest whole minutes that are not above, or with `up` not below."""
    return -(-us // MINUTE_US) * MINUTE_US if up else us // MINUTE_US * MINUTE_US


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
