"""Check a backup: its files, and what comes of them in a database that is gone afterwards."""

from pathlib import Path

import msgspec

from app.backups.make import LETTERS
from app.backups.parts import read_part
from app.backups.shelf import Shelf
from app.domain.backups import ANOTHER, BackupError, Manifest
from app.domain.letters import DeadLetter
from app.domain.sealing import noted_head
from app.store import Copies, Database, contents
from app.store import verify as verified

BROKEN = "It was broken before; an earlier backup may have it whole: docs/backup.md says what else there is"
SHOWN = 5


def verify(shelf: Shelf, *, copies: Copies, name: str | None = None) -> Manifest:
    """The named backup, or the newest; BackupError names what is wrong with it."""
    with shelf.alone():
        folder = shelf.path(name)
        manifest = looked_at(shelf, folder, copies)
        with copies.beside(read_part(folder, manifest.part(copies.part), shelf.key), folder.name) as copy:
            compare(manifest, copy)
            see_chain(manifest, copy)
        letters_of(shelf, folder, manifest)
    return manifest


def looked_at(shelf: Shelf, folder: Path, copies: Copies) -> Manifest:
    """The manifest of a backup whose files are as they were, and which is for this kind of database."""
    shelf.check(folder)
    manifest = shelf.manifest(folder)
    if manifest.kind != copies.kind:
        cure = f"Set CDB_DATABASE_URL to a {manifest.kind} database; one kind is not restored into the other"
        raise BackupError(f"The backup {folder.name} is of a {manifest.kind} database, this one is {copies.kind}", cure)
    return manifest


def compare(manifest: Manifest, copy: Database) -> None:
    """BackupError if what came of a backup is not what was kept, table by table."""
    with copy.connecting() as connection:
        problems = list(manifest.contents.differences(contents(connection)))
    if problems:
        told = "; ".join(problems[:SHOWN]) + ("; …" if len(problems) > SHOWN else "")
        raise BackupError(f"What came of the backup {manifest.name} is not what was kept: {told}", ANOTHER)


def see_chain(manifest: Manifest, copy: Database) -> None:
    """BackupError if the chain of sealed audits is broken in it, as far as its schema has one."""
    if "audit_head" not in manifest.contents.tables:
        return
    broken = verified(copy, noted=noted_head(manifest.contents.head)).broken
    if broken is not None:
        told = f"broken at sequence {broken.sequence}, {broken.kind}: {broken.told}"
        raise BackupError(f"The audit chain in the backup {manifest.name} is {told}", BROKEN)


def letters_of(shelf: Shelf, folder: Path, manifest: Manifest) -> list[DeadLetter]:
    """The dead letters that waited in Redis."""
    if manifest.letters is None:
        return []
    text = b"".join(read_part(folder, manifest.part(LETTERS), shelf.key))
    try:
        return msgspec.json.decode(text, type=list[DeadLetter])
    except msgspec.DecodeError as error:
        raise BackupError(f"{folder.name}: {LETTERS} cannot be read by this version: {error}", ANOTHER) from error
