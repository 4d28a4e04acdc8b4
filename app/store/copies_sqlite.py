"""Copies of an SQLite file: through its online backup, which waits for nobody and holds nobody up."""

import os
import shutil
import sqlite3
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import NullPool, create_engine

from app.domain.backups import BackupError, Contents
from app.store.contents import contents
from app.store.database import BUSY_S, Database

AT_ONCE = 1 << 20
GZIP = 31  # zlib's window for its format
BESIDE = ("-wal", "-shm", "-journal")
STOP = "Stop whatever uses it, and restore again; nothing was changed"
ANOTHER = "Restore an earlier backup: cdb backup list"


class SqliteCopies:
    """Whole files, compressed as gzip does."""

    kind, part = "sqlite", "database.sqlite.gz"

    def __init__(self, database: Database) -> None:
        self._database, self._path = database, Path(str(database.url.database))

    def server(self) -> str:
        """The library's version."""
        return sqlite3.sqlite_version

    def copy(self, take: Callable[[bytes], object]) -> Contents:
        """In one step, for one that stops in between begins anew with every write of others."""
        path = self._beside("copy")  # not where backups are kept: they may be encrypted, and this is not
        try:
            with closing(sqlite3.connect(self._path, timeout=BUSY_S)) as source, closing(_one_file(path)) as target:
                source.backup(target)
                _look_over(target, self._path)
            held = _contents(path)
            _compress(path, take)
        except sqlite3.OperationalError as error:
            cure = f"Make room at {self._path.parent}; if it is locked, try again"
            raise BackupError(f"{self._path} could not be copied: {error}", cure) from error
        except sqlite3.DatabaseError as error:
            raise _damaged(self._path, str(error)) from error
        finally:
            _remove(path)
        return held

    @contextmanager
    def beside(self, chunks: Iterable[bytes], stamp: str) -> Iterator[Database]:
        """A file in the same folder, so that it can be renamed."""
        path = self._beside(stamp)
        try:
            _expand(chunks, path)
            database = Database(f"sqlite:///{path}")
            try:
                yield database
            finally:
                database.engine.dispose()
        finally:
            _remove(path)

    def used_by(self) -> Iterator[str]:
        """Only who is alone can change the journal's mode, which also brings all that waits there into the file."""
        self._database.engine.dispose()
        if not self._path.exists():
            return
        try:
            with closing(sqlite3.connect(self._path, timeout=1)) as alone:
                alone.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):  # else it is damaged, and may be replaced
                yield f"another process has {self._path} open"

    def replace(self, copy: Database, stamp: str) -> str | None:
        """By a rename; the old file and what lay beside it get another name first."""
        for who in self.used_by():
            raise BackupError(f"The database is in use: {who}", STOP)
        copy.engine.dispose()
        new = Path(str(copy.url.database))
        with closing(_one_file(new)):
            pass
        there = _holds_something(self._path)
        if there:
            _made_like(new, self._path.stat())
        _to_disk(new)
        aside = self._path.with_name(f"{self._path.name}.before-{stamp}")
        for suffix in BESIDE:
            with suppress(FileNotFoundError):
                os.rename(f"{self._path}{suffix}", f"{aside}{suffix}")
        if there:
            _second_name(self._path, aside)
        os.replace(new, self._path)
        _to_disk(self._path.parent)
        return str(aside) if there else None

    def _beside(self, why: str) -> Path:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        for left in self._path.parent.glob(f"{self._path.name}.beside-*"):
            left.unlink()
        return self._path.with_name(f"{self._path.name}.beside-{why}")


def _remove(path: Path) -> None:
    for suffix in ("", *BESIDE, ".migrating"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _one_file(path: Path) -> sqlite3.Connection:
    """A connection to a file that has nothing beside it once it is closed."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=DELETE")
    return connection


def _look_over(copy: sqlite3.Connection, source: Path) -> None:
    """What is damaged must not crowd out what is good."""
    copy.execute("PRAGMA journal_mode=DELETE")  # the copy has its source's
    [found] = copy.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise _damaged(source, found)


def _damaged(path: Path, told: str) -> BackupError:
    return BackupError(f"The database {path} is damaged: {told}", ANOTHER)


def _contents(path: Path) -> Contents:
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        return contents(connection)


def _compress(path: Path, take: Callable[[bytes], object]) -> None:
    packer = zlib.compressobj(wbits=GZIP)
    with path.open("rb") as source:
        while chunk := source.read(AT_ONCE):
            take(packer.compress(chunk))
    take(packer.flush())


def _expand(chunks: Iterable[bytes], path: Path) -> None:
    unpacker = zlib.decompressobj(wbits=GZIP)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        for chunk in chunks:
            out.write(unpacker.decompress(chunk))
        out.write(unpacker.flush())


def _holds_something(path: Path) -> bool:
    """Whoever opens a database that is not there makes an empty one."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path)) as connection:
            return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    except sqlite3.DatabaseError:  # it is damaged, and may still be of use to somebody
        return True


def _made_like(path: Path, other: os.stat_result) -> None:
    """For the same readers: who restores may be root, and the farm another user."""
    os.chmod(path, stat.S_IMODE(other.st_mode))
    if os.geteuid() == 0:
        os.chown(path, other.st_uid, other.st_gid)


def _second_name(path: Path, aside: Path) -> None:
    """So that there is no moment without a database, in which a start would make an empty one."""
    try:
        os.link(path, aside)
    except OSError:  # not every filesystem can
        shutil.copy2(path, aside)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
