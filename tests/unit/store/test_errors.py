"""Each fault of a database is told with its cure, and no other error is taken for one."""

import sqlite3

import psycopg
import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoneFree

from app.store.errors import DatabaseError, explained

FILE = make_url("sqlite:////var/lib/cdb/cdb.sqlite")
SERVER = make_url("postgresql+psycopg://cdb:secret@db.example/cdb")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (sqlite3.OperationalError("no such table: orders"), "Run: cdb migrate"),
        (sqlite3.OperationalError("no such column: orders.left"), "Run: cdb migrate"),
        (psycopg.errors.UndefinedColumn("column does not exist"), "Run: cdb migrate"),
        (sqlite3.OperationalError("database is locked"), "busy with others for too long"),
        (psycopg.errors.LockNotAvailable("canceling statement"), "busy with others for too long"),
        (psycopg.errors.DeadlockDetected("deadlock detected"), "busy with others for too long"),
        (sqlite3.OperationalError("database or disk is full"), "The disk of the database"),
        (psycopg.errors.DiskFull("could not extend file"), "Make room"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "Make /var/lib/cdb writable"),
        (
            sqlite3.DatabaseError("file is not a database"),
            "is damaged: file is not a database. Stop the farm and restore",
        ),
        (sqlite3.DatabaseError("database disk image is malformed"), "cdb restore NAME"),
        (psycopg.OperationalError("connection refused"), "does not answer"),
        (psycopg.errors.AdminShutdown("terminating connection"), "Start it, or correct CDB_DATABASE_URL"),
        (psycopg.InterfaceError("connection is closed"), "does not answer"),
        (psycopg.OperationalError("SSL error: certificate verify failed"), "Correct sslmode, sslrootcert"),
        (psycopg.OperationalError('FATAL:  password authentication failed for user "cdb"'), "does not let us in"),
        (psycopg.OperationalError('FATAL:  role "cdb" does not exist'), "Correct the user"),
        (psycopg.errors.InsufficientPrivilege("permission denied for table audits"), "deploy/postgresql/roles.sql"),
    ],
)
def test_a_fault_is_told_with_its_cure(said: Exception, told: str) -> None:
    url = SERVER if isinstance(said, psycopg.Error) else FILE
    error = explained(_as_sqlalchemy(said), url)

    assert isinstance(error, DatabaseError)
    assert told in str(error)
    assert "secret" not in str(error)
    assert str(error).endswith(error.cure)


@pytest.mark.parametrize(
    "error",
    [
        IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE constraint failed")),
        OperationalError("SELECT", {}, sqlite3.OperationalError("near SELEKT: syntax error")),
        ProgrammingError("SELECT", {}, psycopg.errors.SyntaxError("syntax error")),
        ValueError("something else"),
    ],
)
def test_a_fault_of_ours_is_not_taken_for_one_of_the_database(error: Exception) -> None:
    assert explained(error, SERVER if isinstance(error, ProgrammingError) else FILE) is None


def test_a_pool_without_a_free_connection_is_told() -> None:
    error = explained(NoneFree("QueuePool limit"), SERVER)

    assert error is not None
    assert "fewer threads" in error.cure


def _as_sqlalchemy(said: Exception) -> Exception:
    drivers = psycopg.Error if isinstance(said, psycopg.Error) else sqlite3.Error
    return DBAPIError.instance("SELECT 1", {}, said, drivers, dialect=None)
