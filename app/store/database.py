"""The way to the database: one engine a process, short transactions, and the settings that make each safe."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from app.store.errors import DatabaseError, explained, unusable

BUSY_S = 15
FREE_S = 10  # how long to wait for one of the process's own connections: a task is stopped after 30
ADVISORY_LOCK = 0xC1A18E
POSTGRESQL = {"lock_timeout": "10s", "statement_timeout": "60s", "idle_in_transaction_session_timeout": "60s"}
SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}  # SQLite reads so by itself


class Database:
    """PostgreSQL through psycopg 3, or SQLite; safe to use from several threads, not across a fork (`after_fork`).

    `pooled` is for a PostgreSQL behind a PgBouncer in transaction mode, where a connection is another with each
    transaction: nothing is prepared on it or set for longer.
    """

    def __init__(self, url: str, *, pooled: bool = False) -> None:
        self.url = _normal(url)
        self.pooled = pooled and not self.is_sqlite
        self.engine = _sqlite(self.url) if self.is_sqlite else _postgresql(self.url, pooled)
        self._snapshots = self.engine.execution_options(**({} if self.is_sqlite else SNAPSHOT))

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one moment and changes nothing."""
        with _clear_errors(self.url), Session(self._snapshots) as session:
            yield session  # closing it rolls back

    @contextmanager
    def writing(self, *, durable: bool = True, followed: bool = False) -> Iterator[Session]:
        """A transaction that commits on leaving and rolls back on an exception.

        SQLite begins it IMMEDIATE, so that it waits for its turn instead of failing. `durable` survives a power
        cut; market data, which can be had again, does without the wait for the disk. One that is `followed` by another
        before anything leaves the house reaches SQLite's disk with that; PostgreSQL itself could die in between.
        """
        waits = durable and not (followed and self.is_sqlite)
        engine = self.engine.execution_options(begin="durable" if waits else "quick")
        with _clear_errors(self.url), Session(engine, expire_on_commit=False) as session, session.begin():
            if not durable and not self.is_sqlite:
                session.execute(text("SET LOCAL synchronous_commit = off"))
            yield session

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A transaction that may change the schema; whoever comes second waits as long as it takes."""
        begun = self.engine.execution_options(begin="durable")
        with _clear_errors(self.url), self._alone(), begun.begin() as connection:
            if not self.is_sqlite:
                connection.execute(text("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            yield connection

    @contextmanager
    def connecting(self) -> Iterator[Connection]:
        """A plain connection, to look at the schema."""
        with _clear_errors(self.url), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        with Path(f"{self.url.database}.migrating").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file is closed, also by a kill
            yield

    def after_fork(self) -> None:
        """Forget the parent's connections without closing them."""
        self.engine.dispose(close=False)


def _normal(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError("CDB_DATABASE_URL is no database address", EXAMPLES) from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("postgresql+psycopg", "sqlite", "sqlite+pysqlite"):
        raise DatabaseError(f"{parsed.drivername} is no database that the farm knows", EXAMPLES)
    return parsed


EXAMPLES = "Write postgresql://user:password@host/name or sqlite:////absolute/path"


def _postgresql(url: URL, pooled: bool) -> Engine:
    if pooled:
        direct = {"prepare_threshold": None, "connect_timeout": 5}
        engine = create_engine(url, pool_pre_ping=True, connect_args=direct, **_pool())
        event.listen(engine, "begin", _limit)
        return engine
    options = " ".join(f"-c {name}={value}" for name, value in POSTGRESQL.items())
    arguments = {"options": f"{url.query.get('options', '')} {options}".strip(), "connect_timeout": 5}
    return create_engine(url, pool_pre_ping=True, connect_args=arguments, **_pool())


def _limit(connection: Connection) -> None:
    """For this transaction: what is given at the start of a connection to PgBouncer does not reach the server."""
    connection.exec_driver_sql("; ".join(f"SET LOCAL {name} = '{value}'" for name, value in POSTGRESQL.items()))


def _sqlite(url: URL) -> Engine:
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise unusable(url, error.strerror) from error
    engine = create_engine(url, connect_args={"timeout": BUSY_S}, **_pool())
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _pool() -> dict[str, Any]:
    return {"pool_size": 4, "max_overflow": 4, "pool_timeout": FREE_S}


def _prepare(connection: Any, record: object) -> None:
    connection.isolation_level = None  # Python would begin transactions by itself, and deferred ones
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", f"busy_timeout={BUSY_S * 1000}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    how = connection.get_execution_options().get("begin")
    if how is None:
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if how == 'durable' else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _clear_errors(url: URL) -> Iterator[None]:
    """What is wrong with the database itself gets a sentence that says the cure; the rest stays SQLAlchemy's own."""
    try:
        yield
    except SQLAlchemyError as error:
        clear = explained(error, url)
        if clear is None:
            raise
        raise clear from error
