"""Copies of a database: taken while it is in use, brought back beside it, and put in its place."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from app.domain.backups import Contents
from app.store.copies_postgresql import PostgresqlCopies
from app.store.copies_sqlite import SqliteCopies
from app.store.database import Database

Take = Callable[[bytes], object]


class Copies(Protocol):
    """One kind of database; `part` is the name of the file that holds a copy."""

    kind: str
    part: str

    def server(self) -> str:
        """The version of what reads and writes it."""

    def copy(self, take: Take) -> Contents:
        """Hand a copy to `take` in chunks, and tell what it holds."""

    def beside(self, chunks: Iterable[bytes], stamp: str) -> AbstractContextManager[Database]:
        """A copy as a database beside the one in use, gone afterwards unless it was put in its place.

        `stamp` is for its name. What a killed process has left beside it is gone, too.
        """

    def used_by(self) -> Iterator[str]:
        """Who has the database open."""

    def replace(self, copy: Database, stamp: str) -> str | None:
        """Put what `beside` gave in the place of the database, at once; how to find that one again, or None."""


def copies(database: Database) -> Copies:
    """Those of this database."""
    return SqliteCopies(database) if database.is_sqlite else PostgresqlCopies(database)
