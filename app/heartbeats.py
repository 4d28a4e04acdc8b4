"""What the workers of this machine tell of themselves: a small file each, readable while Redis is away."""

import os
from pathlib import Path

import msgspec

from app.domain.progress import Beat


class Heartbeats:
    """One file per process id in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self) -> None:
        """Nobody has told anything: who was killed left its file, and process ids come again."""
        for path in self._folder.glob("*.json"):
            path.unlink(missing_ok=True)

    def write(self, pid: int, beat: Beat) -> None:
        """Replace what this process has told; OSError if the folder cannot be written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        new = self._folder / f"{pid}.new"
        new.write_bytes(msgspec.json.encode(beat))
        os.replace(new, self._path(pid))

    def read(self, pid: int) -> Beat | None:
        """The last that it told, or None."""
        try:
            return msgspec.json.decode(self._path(pid).read_bytes(), type=Beat)
        except OSError:  # it has told nothing yet, has left, or could not write
            return None

    def leave(self, pid: int) -> None:
        """It goes."""
        self._path(pid).unlink(missing_ok=True)

    def _path(self, pid: int) -> Path:
        return self._folder / f"{pid}.json"
