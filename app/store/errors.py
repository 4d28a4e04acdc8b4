"""What can be wrong with a database, each with its cure."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoneFree


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
    for one in FAULTS:
        if any(word in said for word in one.words) and (one.file or url.get_backend_name() != "sqlite"):
            told = {"place": _place(url), "folder": Path(str(url.database)).parent, "user": url.username}
            message, cure = (text.format(said=_first_line(error), **told) for text in (one.message, one.cure))
            return DatabaseError(message, cure)
    away = url.get_backend_name() != "sqlite" and isinstance(error, OperationalError | InterfaceError)
    return unreachable(url) if away else None


@dataclass(frozen=True, slots=True)
class Fault:
    """Known by any of these words of what SQLite and PostgreSQL say, which do not change with the version; the first
    of the list counts. Not of a `file`: only of a server.
    """

    words: tuple[str, ...]
    message: str
    cure: str
    file: bool = True


FAULTS = (
    Fault(
        ("no such table", "no such column", "UndefinedTable", "UndefinedColumn"),
        "The database's tables are not those of this code",
        "Run: cdb migrate",
    ),
    Fault(
        ("database is locked", "database table is locked", "LockNotAvailable", "DeadlockDetected", "QueryCanceled"),
        "The database was busy with others for too long",
        "Try again; look for what holds it",
    ),
    Fault(("disk is full", "DiskFull"), "The disk of the database {place} is full", "Make room on it"),
    Fault(
        ("not a database", "malformed"),
        "The database file {place} cannot be used, it is damaged: {said}",
        "Stop the farm and restore a backup (cdb backup list, cdb restore NAME), or correct CDB_DATABASE_URL",
    ),
    Fault(
        ("unable to open", "readonly database", "disk I/O"),
        "The database file {place} cannot be used: {said}",
        "Make {folder} writable for this user, or set CDB_DATABASE_URL",
    ),
    Fault(
        ("unsupported startup parameter", "prepared statement"),
        "The database {place} is behind a PgBouncer in transaction mode: {said}",
        "Set CDB_DATABASE_POOLED=true",
        file=False,
    ),
    Fault(
        ("InsufficientPrivilege",),
        "The database's user {user} may not do this: {said}",
        "Let it (deploy/postgresql/roles.sql), or name another user in CDB_DATABASE_URL",
        file=False,
    ),
    Fault(
        ("certificate", "SSL"),
        "The database {place} cannot be trusted: {said}",
        "Correct sslmode, sslrootcert, sslcert and sslkey in CDB_DATABASE_URL, or the server's certificate",
        file=False,
    ),
    Fault(
        (
            "authentication failed",
            "pg_hba.conf",
            "FATAL:  role ",
            "FATAL:  database ",
            "permission denied for database",
        ),
        "The database {place} does not let us in: {said}",
        "Correct the user, its password or the database's name in CDB_DATABASE_URL",
        file=False,
    ),
)


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).partition("\n")[0].removeprefix("connection failed: ").rstrip(".")


def _place(url: URL) -> str:
    return url.render_as_string(hide_password=True) if url.host else str(url.database)
