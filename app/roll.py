"""The roll of services: what a farm's supervisor tells of each; a small file, readable while Redis is away."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

LATE_S = 10.0


class Enrolled(msgspec.Struct, frozen=True):
    """A service as it stands: `state` is ready, starting or down; `pid` is None while it has no process."""

    name: str
    state: str
    pid: int | None
    restarts: int


class Roll:
    """One file in the farm's folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, services: Sequence[Enrolled], at_s: float) -> None:
        """Replace what was told; `at_s` is the time since the epoch. OSError if the folder cannot be written."""
        new = self._path.with_suffix(".new")
        new.write_bytes(msgspec.json.encode((at_s, services)))
        os.replace(new, self._path)

    def read(self, at_s: float) -> list[Enrolled] | None:
        """What was told last, or None when nobody has told anything lately."""
        try:
            told_s, services = msgspec.json.decode(self._path.read_bytes(), type=tuple[float, list[Enrolled]])
        except OSError:  # no farm was ever started here
            return None
        return services if abs(at_s - told_s) < LATE_S else None
