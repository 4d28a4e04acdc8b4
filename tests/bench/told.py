"""`cdb`, whose drains also write down what they have committed and when: `TOLD=FOLDER python -m tests.bench.told up`.

Services begin as copies of this process, and have it from there. Redis itself could tell (`MONITOR`), but takes so much
of two cores for it that it would be what is measured.
"""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from app.bus.frames import Frame
from app.bus.lease import Lease

TOLD = "TOLD"
Commit = tuple[int, list[int]]  # when, and when each of its ticks was received; microseconds since the epoch
_commit = Lease.commit


def commits(folder: Path) -> Iterator[Commit]:
    """All that was written down so far, each drain's in their order."""
    for file in folder.iterdir():
        yield from (msgspec.json.decode(line, type=Commit) for line in file.read_bytes().splitlines())


def _told(self: Lease, frames: Sequence[Frame], *what: Any) -> None:
    """Commit, and write a line."""
    _commit(self, frames, *what)
    at_us = time.time_ns() // 1000
    received = [row[5] for frame in frames for row in frame.rows if len(row) == 6]
    line = msgspec.json.encode((at_us, received))
    with (Path(os.environ[TOLD]) / str(os.getpid())).open("ab") as file:
        file.write(line + b"\n")


if __name__ == "__main__":
    from app.cli import main

    Lease.commit = _told  # type: ignore[assignment, method-assign]
    main()
