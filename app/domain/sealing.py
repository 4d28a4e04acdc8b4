"""The seal over the audits: each row's hash covers its content and the hash before it; docs/audit.md is the format."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any, Literal

GENESIS = "0" * 64
NOTED = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of `audits` as it is stored: `data` is JSON's text, `time_us` the digits of its time in microseconds."""

    id: int
    event_type: str
    service: str
    data: str
    time_us: str


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: the last sequence and its hash."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


BEGINNING = Head(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Link:
    """A sealed row; `hash` is what is stored beside it."""

    sequence: int
    hash: str
    entry: Entry

    @property
    def head(self) -> Head:
        """The chain's end, if this were the last row."""
        return Head(self.sequence, self.hash)


@dataclass(frozen=True, slots=True)
class Break:
    """The first row that does not fit; `id` is None where the row is missing, or is the head."""

    kind: Literal["altered", "missing", "inserted", "rewritten"]
    sequence: int
    id: int | None
    told: str


def noted_head(text: str) -> Head:
    """A head as `str` writes it; ValueError if it is none."""
    match = NOTED.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is no head; write SEQUENCE:HASH as `cdb audit head` prints it")
    return Head(int(match[1]), match[2])


def plain(value: Any) -> Any:
    """What an audit may hold: figures with a point become text, for the databases do not keep them alike."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def canonical(sequence: int, entry: Entry) -> str:
    """What is hashed of a row; ValueError if it cannot have been written by the farm."""
    time_us = int(entry.time_us)
    if str(time_us) != entry.time_us:
        raise ValueError(f"{entry.time_us!r} is not how a whole number is written")
    data = json.loads(entry.data, object_pairs_hook=_object)
    parts = [sequence, entry.id, entry.event_type, entry.service, data, time_us]
    return json.dumps(parts, sort_keys=True, separators=(",", ":"))


def seal(previous: str, sequence: int, entry: Entry) -> str:
    """The hash of a row behind the one that has the hash `previous`; ValueError as `canonical`."""
    return sha256(f"{previous}{canonical(sequence, entry)}".encode()).hexdigest()


def sealed(head: Head, entries: Iterable[Entry]) -> list[Link]:
    """The rows as the next ones behind `head`; ValueError names the row that cannot be sealed, and the cure."""
    links: list[Link] = []
    for entry in entries:
        try:
            head = Head(head.sequence + 1, seal(head.hash, head.sequence + 1, entry))
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"row {entry.id} of audits was changed: {error}. Put it right; nothing is sealed"
            ) from error
        links.append(Link(head.sequence, head.hash, entry))
    return links


def first_break(
    links: Iterable[Link], head: Head, *, after: Head = BEGINNING, noted: Head | None = None
) -> Break | None:
    """The first row that was altered, taken away or added, or None; `links` are all behind `after`, by sequence.

    `head` is what the database says the end is, `noted` an end that a person wrote down elsewhere.
    """
    walk = iter(links)
    passed: Sequence[Head] = (after,)  # the last two
    number: int | None = None
    found = _not_as_noted(after, number, noted)
    while found is None and (link := next(walk, None)) is not None:
        found = _misplaced(link, passed[-1], head)
        if found is None and not _fits(passed[-1].hash, link.sequence, link):
            found = _misfit(link, next(walk, None), passed, number)
        passed, number = (passed[-1], link.head), link.entry.id
        found = found or _not_as_noted(link.head, number, noted)
    return found or _wrong_end(passed[-1], number, head, noted)


def gone(sequence: int, why: str) -> Break:
    """A row that should be there."""
    return Break("missing", sequence, None, f"it is gone: {why}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that is there twice would hide a value from whoever reads the other one."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _fits(previous: str, sequence: int, link: Link) -> bool:
    try:
        return seal(previous, sequence, link.entry) == link.hash
    except (ValueError, RecursionError):  # no JSON, no time, or nested without end: never sealed so
        return False


def _misplaced(link: Link, last: Head, head: Head) -> Break | None:
    wanted = last.sequence + 1
    if link.sequence < wanted:
        return Break("inserted", link.sequence, link.entry.id, "there is another row of this sequence, or none can be")
    if wanted > head.sequence:
        return Break("inserted", link.sequence, link.entry.id, f"it lies beyond the head, which says {head.sequence}")
    if link.sequence > wanted:
        return gone(wanted, f"the next row is {link.sequence}")
    return None


def _misfit(link: Link, following: Link | None, passed: Sequence[Head], number: int | None) -> Break:
    """Whether the row itself is wrong, or is the first behind one that was put in."""
    last = passed[-1]
    if len(passed) > 1 and _fits(passed[0].hash, last.sequence, link):
        return Break("inserted", last.sequence, number, "the row behind it was sealed in its place")
    if following is not None and _fits(last.hash, link.sequence, following):
        return Break("inserted", link.sequence, link.entry.id, "the row behind it was sealed in its place")
    told = "its hash is not that of its content and the row before it"
    return Break("altered", link.sequence, link.entry.id, told)


def _not_as_noted(last: Head, number: int | None, noted: Head | None) -> Break | None:
    if noted is None or noted.sequence != last.sequence or noted.hash == last.hash:
        return None
    told = "the hash that was noted is another: it or a row before it was changed, and the chain made anew"
    return Break("rewritten", last.sequence, number, told)


def _wrong_end(last: Head, number: int | None, head: Head, noted: Head | None) -> Break | None:
    if last.sequence < head.sequence:
        return gone(last.sequence + 1, f"the head says that there are {head.sequence}")
    if last != head:
        told = f"the head says {head}: it or this row was changed"
        return Break("altered", last.sequence, number, told)
    if noted is not None and noted.sequence > last.sequence:
        return gone(last.sequence + 1, f"{noted.sequence} rows were sealed when the head was noted")
    return None
