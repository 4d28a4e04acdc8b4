"""Backups: how one is named, what its manifest says, whether what came back is what was kept, and which may go."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FORMAT = 1
NAME = re.compile(r"\d{8}T\d{6}Z")
PATTERN = "%Y%m%dT%H%M%SZ"
ANOTHER = "Take another backup: cdb backup list"


class BackupError(Exception):
    """A backup cannot be made, read or restored; `cure` says what to do."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(f"{message}. {cure}")
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Table:
    """How many rows a table has, and the sums of its money and of its numbers, exact, by column."""

    rows: int
    sums: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds in one moment; `head` is the end of the audit chain, `revision` that of the schema."""

    revision: str
    head: str
    tables: Mapping[str, Table]

    def differences(self, found: "Contents") -> Iterator[str]:
        """A sentence for each thing in which `found` is not this."""
        if found.revision != self.revision:
            yield f"the schema is at {found.revision or 'nothing'}, not at {self.revision or 'nothing'}"
        if found.head != self.head:
            yield f"the audit chain ends at {found.head}, not at {self.head}"
        for name in sorted(self.tables.keys() | found.tables.keys()):
            yield from _differences(name, self.tables.get(name), found.tables.get(name))


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a backup as it is when it is not encrypted."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is of; `kind` is sqlite or postgresql, `server` the version that wrote it.

    `letters` are dead letters that waited in Redis, or None when Redis could not be asked.
    """

    format: int
    name: str
    version: str
    kind: str
    server: str
    contents: Contents
    letters: int | None
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part:
        """One of its parts; BackupError if it has none of that name."""
        found = next((one for one in self.parts if one.name == name), None)
        if found is None:
            raise BackupError(f"The backup {self.name} has no {name}", ANOTHER)
        return found


def name_at(at: datetime) -> str:
    """The name of a backup that was begun then."""
    return at.astimezone(UTC).strftime(PATTERN)


def begun_at(name: str) -> datetime:
    """When the backup of that name was begun."""
    return datetime.strptime(name, PATTERN).replace(tzinfo=UTC)


def is_name(text: str) -> bool:
    """Whether a backup can have that name."""
    if not NAME.fullmatch(text):
        return False
    try:
        begun_at(text)
    except ValueError:  # digits that are no date
        return False
    return True


def outdated(names: Iterable[str], at: datetime, keep: timedelta) -> list[str]:
    """The backups that are older than they are kept, oldest first; whether another good one is left is not asked."""
    return sorted(name for name in names if at - begun_at(name) > keep)


def _differences(name: str, wanted: Table | None, found: Table | None) -> Iterator[str]:
    if wanted is None:
        yield f"{name} was not there"
    elif found is None:
        yield f"{name} is missing"
    elif wanted.rows != found.rows:
        yield f"{name} has {found.rows} rows, not {wanted.rows}"
    else:
        for column, total in wanted.sums.items():
            if found.sums.get(column) != total:
                yield f"{name}.{column} adds up to {found.sums.get(column)}, not to {total}"
