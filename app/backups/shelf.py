"""The folder of backups: each is there whole or not at all, one process changes it at a time, old ones go."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import file_digest
from pathlib import Path

import msgspec

from app.backups.parts import SUFFIX, Written, read_file, write_part
from app.domain.backups import ANOTHER, FORMAT, BackupError, Manifest, begun_at, is_name, name_at, outdated

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
PARTIAL = ".partial"
LINE = re.compile(r"([0-9a-f]{64})  ([\w.]+)")


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that is there; `size` is that of its files."""

    name: str
    begun_at: datetime
    size: int
    encrypted: bool


class Shelf:
    """Backups by name; `key` is empty where they are not encrypted."""

    def __init__(self, folder: Path, key: str = "") -> None:
        self.folder, self.key = folder, key

    def all(self) -> list[Kept]:
        """Those that are there, oldest first; BackupError if they may not be read."""
        try:
            paths = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
            found = [self._kept(path) for path in paths if is_name(path.name)]
        except OSError as error:
            cure = "Be the user that makes them, or correct CDB_BACKUP_DIR"
            raise BackupError(f"The folder {self.folder} cannot be read: {error.strerror}", cure) from error
        return [one for one in found if one is not None]

    def path(self, name: str | None = None) -> Path:
        """Where one is, the newest if none is named; BackupError if it is not there."""
        kept = [one.name for one in self.all()]
        if not kept:
            raise BackupError(f"There is no backup in {self.folder}", "Make one: cdb backup; or correct CDB_BACKUP_DIR")
        if name is not None and name not in kept:
            raise BackupError(
                f"There is no backup {name} in {self.folder}", f"The newest is {kept[-1]}: cdb backup list"
            )
        return self.folder / (name or kept[-1])

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else makes, checks or restores a backup meanwhile; BackupError if somebody does just now."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.folder / ".lock").open("w")
        except OSError as error:
            cure = "Make it writable for this user, or set CDB_BACKUP_DIR to another folder"
            raise BackupError(f"The folder {self.folder} cannot be used: {error.strerror}", cure) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                cure = "Wait until it is done"
                raise BackupError(f"Another backup or restore is at work in {self.folder}", cure) from error
            self._sweep()
            yield

    @contextmanager
    def new(self, at: datetime) -> Iterator[Path]:
        """A folder to fill, which becomes a backup on leaving and is gone after an error; `alone` is held."""
        name = name_at(at)
        if (self.folder / name).exists():
            raise BackupError(f"A backup {name} is there already", "Try again in a second")
        partial = self.folder / f".{name}{PARTIAL}"
        partial.mkdir(mode=0o700)
        try:
            yield partial
            _settle(partial)
            os.rename(partial, self.folder / name)
            _settle(self.folder)
        except OSError as error:
            cure = "Make room there, or set CDB_BACKUP_DIR to another disk"
            raise BackupError(f"The backup could not be written to {self.folder}: {error.strerror}", cure) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def seal(self, folder: Path, manifest: Manifest, parts: list[Written]) -> None:
        """Write down what is in it, last of all."""
        text = msgspec.json.format(msgspec.json.encode(manifest))
        lines = [one.line for one in (*parts, write_part(folder, MANIFEST, self.key, text))]
        write_part(folder, SUMS, "", "".join(lines).encode())

    def check(self, folder: Path) -> None:
        """BackupError if a file of it is missing, was added, or is not what it was."""
        try:
            wanted = dict(_lines(folder))
            found = {path.name for path in folder.iterdir()} - {SUMS}
        except OSError as error:
            raise BackupError(f"The backup {folder.name} cannot be read: {error.strerror}: {SUMS}", ANOTHER) from error
        for name in sorted(wanted.keys() | found):
            if name not in found:
                raise BackupError(f"The backup {folder.name} is not whole: {name} is missing", ANOTHER)
            if name not in wanted:
                raise BackupError(f"In the backup {folder.name} there is {name}, of which it does not know", ANOTHER)
            with (folder / name).open("rb") as part:
                if file_digest(part, "sha256").hexdigest() != wanted[name]:
                    raise BackupError(f"The backup {folder.name} is damaged: {name} was changed or cut off", ANOTHER)

    def manifest(self, folder: Path) -> Manifest:
        """What is in it; BackupError if that cannot be read, or is not for this code."""
        try:
            text = b"".join(read_file(folder, MANIFEST, self.key))
            found = msgspec.json.decode(text, type=Manifest)
        except OSError as error:
            raise BackupError(f"The backup {folder.name} has no manifest: {error.strerror}", ANOTHER) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BackupError(f"The manifest of {folder.name} cannot be read: {error}", ANOTHER) from error
        if found.format > FORMAT:
            raise BackupError(
                f"The backup {folder.name} was made by {found.version}, which is newer", "Update the code"
            )
        if found.name != folder.name:
            raise BackupError(f"The backup {folder.name} was made as {found.name}", "Give it its name back")
        return found

    def forget_old(self, at: datetime, keep: timedelta) -> list[str]:
        """Remove what is older, but never the newest that is whole; `alone` is held. The names of those that went."""
        names = [one.name for one in self.all()]
        good = next((name for name in reversed(names) if self._is_whole(name)), None)
        gone = [name for name in outdated(names, at, keep) if good is not None and name != good]
        for name in gone:
            left = self.folder / f".{name}{PARTIAL}"
            try:
                os.rename(self.folder / name, left)  # it is there, or it is not
                shutil.rmtree(left)
            except OSError as error:
                told = f"{names[-1]} is there, but the old backup {name} could not be removed: {error.strerror}"
                raise BackupError(told, f"Remove it by hand from {self.folder}") from error
        return gone

    def _is_whole(self, name: str) -> bool:
        try:
            self.check(self.folder / name)
        except BackupError:  # then it is not
            return False
        return True

    def _kept(self, path: Path) -> Kept | None:
        try:
            files = list(path.iterdir())
            size = sum(one.stat().st_size for one in files)
        except (FileNotFoundError, NotADirectoryError):  # it goes just now, or is something else
            return None
        return Kept(path.name, begun_at(path.name), size, any(one.suffix == SUFFIX for one in files))

    def _sweep(self) -> None:
        """What a killed process has left."""
        for path in self.folder.glob(f".*{PARTIAL}"):
            shutil.rmtree(path, ignore_errors=True)


def _lines(folder: Path) -> Iterator[tuple[str, str]]:
    for line in (folder / SUMS).read_text(errors="replace").splitlines():
        found = LINE.fullmatch(line)
        if found is None:
            raise BackupError(f"The backup {folder.name} is damaged: {SUMS} was changed", ANOTHER)
        yield found[2], found[1]


def _settle(folder: Path) -> None:
    """The names in it are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some filesystems cannot, and have no need to
            os.fsync(handle)
    finally:
        os.close(handle)
