"""The account on disk: a line for each operation, written before it is answered; a killed venue forgets nothing."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec
import structlog

from app.simulator.account import Account, AccountTrade, Balance, Change, VenueOrder

log = structlog.get_logger()
KEPT_MS = 31 * 86_400_000


class BrokenJournal(Exception):
    """A line in the middle of the file is none of ours; the message says which, and what to do."""


class Entry(msgspec.Struct, omit_defaults=True):
    """One operation as it is written."""

    o: list[VenueOrder] = []
    t: list[AccountTrade] = []
    b: dict[str, Balance] = {}


class Journal:
    """Appends to a file; without a path it writes nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._encoder = msgspec.json.Encoder(decimal_format="string")

    def load(self, account: Account, now_ms: int) -> None:
        """Bring the account to where it was, and write the file anew without what nobody can ask for any more."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        for change in changes(self._path):
            account.restore(change)
        account.forget(now_ms - KEPT_MS)
        self._rewrite(self._path, account)
        self._file = self._path.open("ab", buffering=0)

    def write(self, change: Change) -> None:
        """One line, in the kernel's hands before this returns."""
        if self._file is not None and change:
            entry = Entry(list(change.orders.values()), change.trades, change.balances)
            self._file.write(self._encoder.encode(entry) + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _rewrite(self, path: Path, account: Account) -> None:
        trades = [trade for some in account.trades.values() for trade in some]
        fresh = path.with_suffix(".fresh")
        fresh.write_bytes(self._encoder.encode(Entry(list(account.orders.values()), trades, account.balances)) + b"\n")
        os.replace(fresh, path)


def changes(path: Path) -> Iterator[Change]:
    """What a journal tells, oldest first; none if there is no file. Raises BrokenJournal."""
    if not path.exists():
        return
    decode = msgspec.json.Decoder(Entry).decode
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        if not line.endswith(b"\n"):
            log.warning("last line of the venue's journal was cut off", path=str(path))
            return
        try:
            entry = decode(line)
        except (msgspec.DecodeError, ValueError) as error:
            raise BrokenJournal(f"{path}, line {number}: {error}; move the file away to begin anew") from error
        yield Change({order.id: order for order in entry.o}, entry.t, entry.b)
