"""Recorded trades, row by row, from our own files and those of Binance's public archive."""

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, NamedTuple

QUOTES = (
    "USDT",
    "USDC",
    "FDUSD",
    "TUSD",
    "BUSD",
    "USDP",
    "USD1",
    "DAI",
    "USD",
    "BTC",
    "ETH",
    "BNB",
    "EUR",
    "TRY",
    "BRL",
)
OURS = ("timestamp_ms", "symbol", "price", "quantity", "side")
MICROSECONDS_FROM = 10**14
JITTER_US = 100_000  # how far rows of different symbols may be out of order: no bar is closed as soon as that
COLUMNS = "use timestamp_ms,symbol,price,quantity,side[,trade_id], or a file of Binance's archive (trades or aggTrades)"


class Row(NamedTuple):
    """One recorded print; `symbol` is written BTC/USDT, `side` is the taker's: buy or sell."""

    time_us: int
    symbol: str
    price: Decimal
    quantity: Decimal
    side: str
    trade_id: str = ""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that is no print: where, what is wrong, and what to do about it."""

    file: str
    line: int
    problem: str
    cure: str

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{place}: {self.problem}; {self.cure}"


class BadRecording(Exception):
    """The file cannot be played; `row` says why."""

    def __init__(self, row: BadRow) -> None:
        super().__init__(str(row))
        self.row = row


def stop(row: BadRow) -> None:
    """What to do with a bad row: end there."""
    raise BadRecording(row)


def rows(path: Path, *, symbol: str | None = None, bad: Callable[[BadRow], None] = stop) -> Iterator[Row]:
    """Every print of the file in its order, never all of it in memory; `bad` hears of each line that is none.

    `symbol` replaces the one that the name of an archive's file tells. Raises BadRecording.
    """
    with _lines(path) as lines:
        read: Callable[[Sequence[str]], Row] | None = None
        order = _Order()
        for number, fields in enumerate(csv.reader(lines), start=1):
            if not any(fields):
                continue
            if read is None:
                is_header = not fields[0].strip().lstrip("-").isdigit()
                read = _reader(path, number, fields, symbol, is_header)
                if is_header:
                    continue
            try:
                row = order.next(read(fields))
            except (ValueError, InvalidOperation, IndexError) as error:
                bad(BadRow(path.name, number, _problem(error, fields), _cure(error)))
            else:
                yield row


class _Unsorted(ValueError):
    """A row comes after one that happened later."""


class _Order:
    """Bars are made of prints in the order of their time, to the millisecond: a row that goes back is none."""

    def __init__(self) -> None:
        self._last: dict[str, Row] = {}
        self._newest: Row | None = None

    def next(self, row: Row) -> Row:
        """The row; raises _Unsorted if an earlier one of its symbol, or much of another, has a later time."""
        last, newest = self._last.get(row.symbol), self._newest
        if last is not None and row.time_us // 1000 < last.time_us // 1000:
            raise _behind(row, last)
        if newest is not None and row.time_us < newest.time_us - JITTER_US:
            raise _behind(row, newest)
        self._last[row.symbol] = row
        if newest is None or row.time_us > newest.time_us:
            self._newest = row
        return row


def _behind(row: Row, earlier: Row) -> _Unsorted:
    by_s = (earlier.time_us - row.time_us) / 1_000_000
    return _Unsorted(f"its time is {by_s:.3f} s before that of a row of {earlier.symbol} above it")


@contextmanager
def _lines(path: Path) -> Iterator[IO[str]]:
    try:
        with _opened(path) as raw:
            yield io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
    except (gzip.BadGzipFile, zipfile.BadZipFile, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        problem = f"the file is damaged ({error})"
        raise BadRecording(BadRow(path.name, 0, problem, "download or write it again")) from error
    except OSError as error:
        problem = f"the file cannot be read ({error.strerror or error})"
        raise BadRecording(BadRow(str(path), 0, problem, "check its name and its permissions")) from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if path.suffix == ".gz":
        with gzip.open(path) as unpacked:
            yield io.BufferedReader(unpacked)
        return
    if path.suffix != ".zip":
        with path.open("rb") as plain:
            yield plain
        return
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".csv")]
        if len(names) != 1:
            raise BadRecording(
                BadRow(path.name, 0, f"the archive holds {len(names)} .csv files", "keep exactly one in it")
            )
        with archive.open(names[0]) as packed:
            yield packed


def _reader(
    path: Path, number: int, fields: Sequence[str], symbol: str | None, is_header: bool
) -> Callable[[Sequence[str]], Row]:
    names = [name.strip() for name in fields]
    if is_header and set(OURS) <= set(names):
        return _ours({name: names.index(name) for name in (*OURS, "trade_id") if name in names})
    if not is_header and len(fields) in (5, 6) and re.search("[A-Za-z]", fields[1]):
        return _ours({name: place for place, name in enumerate((*OURS, "trade_id")[: len(fields)])})
    time_at = _archive_time(names, is_header)
    if time_at is None:
        raise BadRecording(BadRow(path.name, number, f"unknown columns {','.join(fields)[:120]!r}", COLUMNS))
    found = symbol or symbol_of(path)
    if found is None:
        cure = "name it as the archive does, such as BTCUSDT-trades-2024-08-08.zip"
        raise BadRecording(BadRow(path.name, 0, "its name does not tell the symbol", cure))
    return _archive(found, time_at)


def _archive_time(fields: Sequence[str], is_header: bool) -> int | None:
    """The column of the time in an archive's file: 4 in `trades`, 5 in `aggTrades`; None if it is neither."""
    if is_header:
        lowered = [name.lower() for name in fields]
        times = [place for place, name in enumerate(lowered) if name in ("time", "transact_time", "timestamp")]
        return times[0] if times and times[0] in (4, 5) else None
    truths = [place for place, field in enumerate(fields) if field.lower() in ("true", "false")]
    return truths[0] - 1 if truths and truths[0] in (5, 6) else None


def _ours(at: dict[str, int]) -> Callable[[Sequence[str]], Row]:
    when, symbol, price, quantity, side = (at[name] for name in OURS)
    trade_id = at.get("trade_id")

    def read(fields: Sequence[str]) -> Row:
        name, taker = fields[symbol].strip(), fields[side].strip().lower()
        if not re.fullmatch(r"[^\s/]+/[^\s/]+", name):
            raise ValueError(f"{name!r} is no symbol such as BTC/USDT")
        if taker not in ("buy", "sell"):
            raise ValueError(f"side {taker!r} is neither buy nor sell")
        known = fields[trade_id].strip() if trade_id is not None and len(fields) > trade_id else ""
        return Row(
            _time_us(fields[when]),
            name,
            _positive("price", fields[price]),
            _positive("quantity", fields[quantity]),
            taker,
            known,
        )

    return read


def _archive(symbol: str, time_at: int) -> Callable[[Sequence[str]], Row]:
    def read(fields: Sequence[str]) -> Row:
        buyer_is_maker = fields[time_at + 1].strip().lower()
        if buyer_is_maker not in ("true", "false"):
            raise ValueError(f"isBuyerMaker is {buyer_is_maker!r}, not true or false")
        return Row(
            _time_us(fields[time_at]),
            symbol,
            _positive("price", fields[1]),
            _positive("quantity", fields[2]),
            "sell" if buyer_is_maker == "true" else "buy",
            fields[0].strip(),
        )

    return read


def symbol_of(path: Path) -> str | None:
    """`BTC/USDT` of `BTCUSDT-trades-2024-08-08.zip`, or None."""
    name = re.match(r"[A-Z0-9]+", path.name)
    for quote in QUOTES if name else ():
        if name and name[0].endswith(quote) and name[0] != quote:
            return f"{name[0].removesuffix(quote)}/{quote}"
    return None


def _time_us(text: str) -> int:
    value = int(text)
    if value <= 0:
        raise ValueError(f"time {text!r} is not after 1970")
    return value if value >= MICROSECONDS_FROM else value * 1000


def _positive(name: str, text: str) -> Decimal:
    value = Decimal(text.strip())
    if not (value.is_finite() and value > 0):
        raise ValueError(f"{name} {text.strip()!r} is not a positive number")
    return value


def _problem(error: Exception, fields: Sequence[str]) -> str:
    if isinstance(error, IndexError):
        return f"only {len(fields)} columns"
    if isinstance(error, InvalidOperation):
        return f"not a number in {','.join(fields)[:120]!r}"
    return str(error)


def _cure(error: Exception) -> str:
    return "sort the file by time" if isinstance(error, _Unsorted) else "correct the line or leave it out"


@dataclass(slots=True)
class Traded:
    """What a file holds of one symbol; `last_us` is when it traded last."""

    first_price: Decimal
    rows: int = 0
    last_us: int = 0
    price_decimals: int = 0
    quantity_decimals: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """What a file holds; times in microseconds since the epoch."""

    rows: int
    first_us: int
    last_us: int
    symbols: dict[str, Traded]


def summary(path: Path, *, symbol: str | None = None, bad: Callable[[BadRow], None] = stop) -> Summary:
    """Read the file once through; raises BadRecording, also when it holds no print at all."""
    symbols: dict[str, Traded] = {}
    first_us, last_us = 0, 0
    for row in rows(path, symbol=symbol, bad=bad):
        first_us, last_us = first_us or row.time_us, max(last_us, row.time_us)
        traded = symbols.setdefault(row.symbol, Traded(row.price))
        traded.rows += 1
        traded.last_us = row.time_us
        traded.price_decimals = max(traded.price_decimals, decimals(row.price))
        traded.quantity_decimals = max(traded.quantity_decimals, decimals(row.quantity))
    if not symbols:
        raise BadRecording(BadRow(path.name, 0, "it holds no trade", COLUMNS))
    return Summary(sum(traded.rows for traded in symbols.values()), first_us, last_us, symbols)


def decimals(value: Decimal) -> int:
    """Places after the point that matter."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
