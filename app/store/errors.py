"""What can be wrong with a database, each with its cure."""

from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoneFree

# What SQLite and PostgreSQL say, by a word of it that does not change with the version.
MISSING = ("no such table", "no such column", "UndefinedTable", "UndefinedColumn")
BUSY = ("database is locked", "database table is locked", "LockNotAvailable", "DeadlockDetected", "QueryCanceled")
FULL = ("disk is full", "DiskFull")
CLOSED = ("unable to open", "readonly database", "disk I/O")
DAMAGED = ("not a database", "malformed")


class DatabaseError(Exception):
    """The database cannot be used as it is; `cure` says what to do."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(f"{message}. {cure}")
        self.cure = cure


def unreachable(url: URL) -> DatabaseError:
    """The error for a server that does not answer; the password is not shown."""
    place = url.render_as_string(hide_password=True)
    return DatabaseError(f"The database {place} does not answer", "Start it, or correct CDB_DATABASE_URL")


def unusable(url: URL, reason: str | None) -> DatabaseError:
    """The error for a file that is no database, or not ours to write."""
    cure = f"Make {Path(str(url.database)).parent} writable for this user, or set CDB_DATABASE_URL"
    return DatabaseError(f"The database file {url.database} cannot be used: {reason}", cure)


def explained(error: Exception, url: URL) -> DatabaseError | None:
    """What happened and what to do about it, or None if it is not the database that is wrong."""
    if isinstance(error, NoneFree):
        return DatabaseError("No connection to the database came free in time", "Run fewer threads in one process")
    if not isinstance(error, DBAPIError):
        return None
    said = f"{type(error.orig).__name__} {error.orig}"
    if any(word in said for word in MISSING):
        return DatabaseError("The database's tables are not those of this code", "Run: cdb migrate")
    if any(word in said for word in BUSY):
        return DatabaseError("The database was busy with others for too long", "Try again; look for what holds it")
    if any(word in said for word in FULL):
        return DatabaseError(f"The disk of the database {_place(url)} is full", "Make room on it")
    if any(word in said for word in DAMAGED):
        cure = "Stop the farm and restore a backup (cdb backup list, cdb restore NAME), or correct CDB_DATABASE_URL"
        return DatabaseError(f"The database file {_place(url)} cannot be used, it is damaged: {error.orig}", cure)
    if any(word in said for word in CLOSED):
        return unusable(url, str(error.orig))
    away = url.get_backend_name() != "sqlite" and isinstance(error, OperationalError | InterfaceError)
    return unreachable(url) if away else None


def _place(url: URL) -> str:
    return url.render_as_string(hide_password=True) if url.host else str(url.database)
