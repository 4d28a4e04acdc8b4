"""Copies of a PostgreSQL database: pg_dump of one snapshot, restored into a new database on the same server."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from psycopg.errors import ObjectInUse
from sqlalchemy import URL, Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from app.domain.backups import BackupError, Contents
from app.store import client_programs
from app.store.contents import contents
from app.store.database import Database
from app.store.errors import unreachable

LONGEST_NAME = 63
SCRATCH = r"_beside_\d{8}t\d{6}z"
UNHURRIED = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
USERS = """
    SELECT count(*), coalesce(nullif(application_name, ''), 'a program'), coalesce(host(client_addr), 'this machine')
    FROM pg_stat_activity WHERE datname = :name AND coalesce(backend_type, 'client backend') = 'client backend'
    GROUP BY 2, 3 ORDER BY 2, 3
"""
MADE_LIKE = "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = :name"
LIKE_NOTHING = ("UTF8", "C", "C")
MAY = "Let this user make databases (ALTER ROLE ... CREATEDB) and own this one, or restore by hand: docs/backup.md"

STOP = "Stop whatever uses it, and restore again; nothing was changed"
DIRECTLY = "Name the server in CDB_DATABASE_URL here, without CDB_DATABASE_POOLED"
ARGUMENTS = {"connect_timeout": 5, "application_name": "cdb backup"}


class PostgresqlCopies:
    """Whole databases, without owners and privileges, which are the server's."""

    kind, part = "postgresql", "database.pgdump"

    def __init__(self, database: Database) -> None:
        self._database, self._url = database, database.url
        self._name = str(database.url.database)

    def server(self) -> str:
        """The server's version."""
        return str(self._major())

    def copy(self, take: Callable[[bytes], object]) -> Contents:
        """pg_dump and the counting see the same moment; nobody waits for either."""
        major = self._major()
        client_programs.program("pg_dump", major)
        with self._database.reading() as session:
            session.execute(text(UNHURRIED))
            snapshot = str(session.scalar(text("SELECT pg_export_snapshot()")))
            client_programs.dump(self._url, major, snapshot, take)
            return contents(session.connection())

    @contextmanager
    def beside(self, chunks: Iterable[bytes], stamp: str) -> Iterator[Database]:
        """A database on the same server."""
        name, major = self._other("beside", stamp), self._major()
        client_programs.program("pg_restore", major)
        with self._serving() as connection:
            self._sweep(connection)
            made = connection.execute(text(MADE_LIKE), {"name": self._name}).first()
            encoding, collate, ctype = map(_text, made or LIKE_NOTHING)
            like = f"TEMPLATE template0 ENCODING {encoding} LC_COLLATE {collate} LC_CTYPE {ctype}"
            connection.exec_driver_sql(f"CREATE DATABASE {_quoted(name)} {like}")
        database = Database(self._url.set(database=name).render_as_string(hide_password=False))
        try:
            client_programs.restore(database.url, major, chunks)
            yield database
        finally:
            database.engine.dispose()
            with self._serving() as connection:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    def used_by(self) -> Iterator[str]:
        """Sessions from anywhere."""
        self._database.engine.dispose()
        with self._serving() as connection:
            for count, program, host in connection.execute(text(USERS), {"name": self._name}):
                yield f"{count} of {program} from {host}" if count > 1 else f"{program} from {host}"

    def replace(self, copy: Database, stamp: str) -> str | None:
        """By two renames in one transaction."""
        aside = self._other("before", stamp)
        self._database.engine.dispose()
        copy.engine.dispose()
        with self._serving() as connection:
            there = connection.execute(text(MADE_LIKE), {"name": self._name}).first()
            connection.exec_driver_sql("BEGIN")
            if there:
                connection.exec_driver_sql(f"ALTER DATABASE {_quoted(self._name)} RENAME TO {_quoted(aside)}")
            new = _quoted(str(copy.url.database))
            connection.exec_driver_sql(f"ALTER DATABASE {new} RENAME TO {_quoted(self._name)}")
            connection.exec_driver_sql("COMMIT")
        return aside if there else None

    def _sweep(self, connection: Connection) -> None:
        """What a killed process has left."""
        ours = re.compile(re.escape(self._stem) + SCRATCH)
        for name in connection.scalars(text("SELECT datname FROM pg_database")).all():
            if ours.fullmatch(name):
                connection.exec_driver_sql(f"DROP DATABASE {_quoted(name)} WITH (FORCE)")

    def _other(self, why: str, stamp: str) -> str:
        return f"{self._stem}_{why}_{stamp.lower()}"

    @property
    def _stem(self) -> str:
        return self._name[: LONGEST_NAME - len("_beside_00000000t000000z")]

    def _major(self) -> int:
        with self._serving() as connection:
            return int(connection.scalar(text("SHOW server_version_num")) or 0) // 10_000

    @contextmanager
    def _serving(self) -> Iterator[Connection]:
        """A connection to the server that is not one to the database; each statement is a transaction."""
        if self._database.pooled:
            raise BackupError("A backup needs PostgreSQL itself, and this is a PgBouncer in transaction mode", DIRECTLY)
        options = {"isolation_level": "AUTOCOMMIT", "connect_args": ARGUMENTS}
        engine = create_engine(self._maintenance(), poolclass=NullPool, **options)
        try:
            with engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            if error.statement is None:
                raise unreachable(self._url) from error
            in_use = isinstance(error.orig, ObjectInUse)
            raise BackupError(f"PostgreSQL refuses: {str(error.orig).strip()}", STOP if in_use else MAY) from error

    def _maintenance(self) -> URL:
        return self._url.set(database="template1" if self._name == "postgres" else "postgres")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"
