"""Restore a backup: beside the database that there is, compared, told what it has to know, then put in its place."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from app.backups.parts import read_part
from app.backups.shelf import Shelf
from app.backups.verify import compare, letters_of, looked_at, see_chain
from app.domain.backups import BackupError, Manifest, name_at
from app.domain.risk import TradingState
from app.store import Copies, Database, DatabaseError, Purpose, Standing, begin_anew, behind, migrate, standing


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done; `aside` is where the database is that was there before, None if there was none."""

    manifest: Manifest
    aside: str | None
    state: TradingState | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Into what a backup is restored: the database that is to be replaced, for a farm in a mode; who wants it."""

    database: Database
    mode: str
    by: str
    broken_chain: bool = False


def restore(
    shelf: Shelf, folder: Path, wanted: Wanted, *, copies: Copies, forget_redis: Callable[[], None], at: datetime
) -> Restored:
    """Nobody uses the database, and `alone` is held. Until its last instruction nothing is changed.

    BackupError and DatabaseError say why it was not done.
    """
    manifest = looked_at(shelf, folder, copies)
    chunks = read_part(folder, manifest.part(copies.part), shelf.key)
    stamp = name_at(at)
    with copies.beside(chunks, stamp) as copy:
        compare(manifest, copy)
        if not wanted.broken_chain:
            see_chain(manifest, copy)
        _bring_up_to_date(copy, manifest)
        _for_the_same_purpose(copy, manifest, wanted.mode, at)
        letters = letters_of(shelf, folder, manifest)
        before = _standing(wanted.database)
        state = begin_anew(copy, name=manifest.name, before=before, letters=letters, by=wanted.by, at=at)
        forget_redis()  # first: what it knows must never be newer than what the database does
        aside = copies.replace(copy, stamp)
    return Restored(manifest, aside, state)


def _bring_up_to_date(copy: Database, manifest: Manifest) -> None:
    wrong = behind(copy)
    if wrong is not None and "newer" in wrong:
        raise BackupError(f"The backup {manifest.name} was made by a newer version", "Update the code")
    migrate(copy)


def _for_the_same_purpose(copy: Database, manifest: Manifest, mode: str, at: datetime) -> None:
    kept = Purpose(copy).claim(mode, at)
    if kept != mode:
        cure = f"Set CDB_MODE={kept} and what belongs to it, or restore a backup of this farm"
        raise BackupError(f"The backup {manifest.name} is of a farm in mode {kept}, this one is in mode {mode}", cure)


def _standing(database: Database) -> Standing | None:
    """What is damaged or not there has none."""
    try:
        return standing(database)
    except (DatabaseError, SQLAlchemyError):
        return None
