"""Make a backup: a copy of the database with what it holds, and what Redis has that the database has not."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog
from redis.exceptions import RedisError

from app.backups.parts import write_part, writing
from app.backups.shelf import Shelf
from app.domain.backups import FORMAT, Manifest, name_at
from app.domain.letters import DeadLetter
from app.steps.ports import LettersAside
from app.store import Copies

log = structlog.get_logger()

LETTERS = "letters.json"
MOST_LETTERS = 10_000


def make(
    shelf: Shelf, *, copies: Copies, aside: LettersAside, version: str, at: datetime, keep: timedelta
) -> tuple[Manifest, list[str]]:
    """A new backup, whole or not at all, and the names of those that were older than `keep` and went for it.

    BackupError and DatabaseError say why it was not made.
    """
    with shelf.alone():
        made = _made(shelf, copies, aside, version, at)
        return made, shelf.forget_old(at, keep)


def _made(shelf: Shelf, copies: Copies, aside: LettersAside, version: str, at: datetime) -> Manifest:
    with shelf.new(at) as folder:
        letters = _letters(aside)  # first: what comes to the database meanwhile is there twice, and kept once
        with writing(folder, copies.part, shelf.key) as database:
            contents = copies.copy(database.write)
        parts = [database]
        if letters is not None:
            parts.append(write_part(folder, LETTERS, shelf.key, msgspec.json.encode(letters)))
        manifest = Manifest(
            format=FORMAT,
            name=name_at(at),
            version=version,
            kind=copies.kind,
            server=copies.server(),
            contents=contents,
            letters=None if letters is None else len(letters),
            parts=tuple(one.part for one in parts),
        )
        shelf.seal(folder, manifest, parts)
        shelf.check(folder)
    return manifest


def _letters(aside: LettersAside) -> Sequence[DeadLetter] | None:
    try:
        return aside.oldest(MOST_LETTERS)
    except RedisError as error:  # the embedded one rests with its farm
        log.info("letters aside are not in the backup", reason=str(error))
        return None
