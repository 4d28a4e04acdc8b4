"""The files of a backup: written and read in chunks, hashed on the way, encrypted if there is a key."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO

from app.backups.age import Encrypted, decrypted
from app.domain.backups import BackupError, Part

AT_ONCE = 1 << 20
SUFFIX = ".age"


class Hashed:
    """Passes bytes on, and knows how many they were and their hash."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self._hash = out, sha256()
        self.size = 0

    def write(self, data: bytes, /) -> None:
        """Some more."""
        self._hash.update(data)
        self.size += len(data)
        self._out.write(data)

    @property
    def sha256(self) -> str:
        """Of all until now."""
        return self._hash.hexdigest()


class Written:
    """A part while it is written; `stored` is the line for SHA256SUMS once it is closed, `part` what it holds."""

    def __init__(self, folder: Path, name: str, key: str) -> None:
        self._path = folder / (name + SUFFIX if key else name)
        self._name = name
        self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._stored = Hashed(self._file)
        self._sealer = Encrypted(self._stored, key) if key else None
        self._hash, self._size = sha256(), 0

    def write(self, data: bytes, /) -> None:
        """Some more."""
        self._hash.update(data)
        self._size += len(data)
        (self._sealer or self._stored).write(data)

    def finish(self) -> None:
        """That was all, and it is on the disk."""
        if self._sealer is not None:
            self._sealer.close()
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file; of one that is not finished nothing is expected, for the disk may be full."""
        with suppress(OSError):
            self._file.close()

    @property
    def part(self) -> Part:
        """What it holds."""
        return Part(self._name, self._size, self._hash.hexdigest())

    @property
    def line(self) -> str:
        """What SHA256SUMS says of it."""
        return f"{self._stored.sha256}  {self._path.name}\n"


@contextmanager
def writing(folder: Path, name: str, key: str) -> Iterator[Written]:
    """A part to write to; it is finished on leaving."""
    written = Written(folder, name, key)
    try:
        yield written
        written.finish()
    finally:
        written.close()


def write_part(folder: Path, name: str, key: str, data: bytes) -> Written:
    """All of a small part."""
    with writing(folder, name, key) as written:
        written.write(data)
    return written


def read_part(folder: Path, part: Part, key: str) -> Iterator[bytes]:
    """What a part holds, in chunks; BackupError at the latest in its end if it is not what the manifest says."""
    found, size = sha256(), 0
    for chunk in read_file(folder, part.name, key):
        found.update(chunk)
        size += len(chunk)
        yield chunk
    if (size, found.hexdigest()) != (part.size, part.sha256):
        raise BackupError(f"{folder.name}: {part.name} is not what the manifest says", "Take another backup")


def read_file(folder: Path, name: str, key: str) -> Iterator[bytes]:
    """The same without knowing what it should hold."""
    path = folder / (name + SUFFIX)
    if not path.exists():
        with (folder / name).open("rb") as plain:
            while chunk := plain.read(AT_ONCE):
                yield chunk
        return
    if not key:
        raise BackupError(
            f"The backup {folder.name} is encrypted", "Set CDB_BACKUP_KEY to the key that it was made with"
        )
    with path.open("rb") as source:
        yield from decrypted(source, key, f"{folder.name}/{path.name}")
