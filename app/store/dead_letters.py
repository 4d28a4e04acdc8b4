"""Dead letters in the database (`dead_letters`)."""

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import delete, func, select, update

from app.domain.errors import Missing
from app.domain.letters import CRASHED, DeadLetter
from app.store.database import Database
from app.store.inserts import insert_new
from models import DeadLetterRow

WAITING = "waiting"
MOST = 5_000  # letters that are kept of each queue, some kilobytes each; those of one crowd out no others
FIELDS = tuple(field.name for field in fields(DeadLetter) if field.name != "at")


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A letter as it is kept: its number, how often it came, and when it came last."""

    number: int
    state: str
    times: int
    last_at: datetime
    letter: DeadLetter


class Letters:
    """Dead letters by number or task id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, letter: DeadLetter) -> bool:
        """Keep a letter, waiting; False if it is there, and then one that repeats has come once more."""
        values = {name: getattr(letter, name) for name in FIELDS}
        born = {"key": letter.key, "state": WAITING, "times": 1, "timestamp": letter.at, "last_at": letter.at}
        with self._database.writing() as session:
            new = insert_new(session, DeadLetterRow, [values | born], ("key",)) == 1
            if not new and letter.repeats:
                latest = {"error": letter.error, "traceback": letter.traceback, "last_at": letter.at}
                known = update(DeadLetterRow).where(DeadLetterRow.key == letter.key)
                session.execute(known.values(times=DeadLetterRow.times + 1, **latest))
            return new

    def waiting(self, limit: int) -> list[KeptLetter]:
        """Those that nobody has dealt with, newest first."""
        query = (
            select(DeadLetterRow)
            .where(DeadLetterRow.state == WAITING)
            .order_by(DeadLetterRow.last_at.desc(), DeadLetterRow.id.desc())
            .limit(limit)
        )
        with self._database.reading() as session:
            return [_kept(row) for row in session.scalars(query)]

    def count(self) -> int:
        """How many of them there are."""
        query = select(func.count()).select_from(DeadLetterRow).where(DeadLetterRow.state == WAITING)
        with self._database.reading() as session:
            return session.scalar(query) or 0

    def get(self, name: str) -> KeptLetter:
        """The letter with this number or task id, or Missing."""
        which = DeadLetterRow.id == int(name) if _is_number(name) else DeadLetterRow.task_id == name
        with self._database.reading() as session:
            row = session.scalars(select(DeadLetterRow).where(which).order_by(DeadLetterRow.id.desc())).first()
            if row is None:
                raise Missing(f"There is no dead letter {name}. `cdb failed list` shows those that wait")
            return _kept(row)

    def crashing(self, least: int) -> set[tuple[str, str]]:
        """Step and key of the tasks whose process is gone each time: of those at least so many letters wait."""
        query = (
            select(DeadLetterRow.name, DeadLetterRow.about)
            .where(DeadLetterRow.state == WAITING, DeadLetterRow.kind.in_(CRASHED), DeadLetterRow.about != "")
            .group_by(DeadLetterRow.name, DeadLetterRow.about)
            .having(func.sum(DeadLetterRow.times) >= least)
        )
        with self._database.reading() as session:
            return {(name.rpartition(".")[2], about) for name, about in session.execute(query)}

    def forget(self, before: datetime, most: int = MOST) -> int:
        """Drop those that last came before then, and of each queue the oldest of more than `most`; how many went."""
        newest = DeadLetterRow.last_at.desc(), DeadLetterRow.id.desc()
        place = func.row_number().over(partition_by=DeadLetterRow.queue, order_by=newest).label("place")
        young = select(DeadLetterRow.id, place).where(DeadLetterRow.last_at >= before).subquery()
        kept = select(young.c.id).where(young.c.place <= most)
        with self._database.writing(durable=False) as session:
            gone = delete(DeadLetterRow).where(DeadLetterRow.id.not_in(kept)).returning(DeadLetterRow.id)
            return len(session.scalars(gone).all())


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 18


def _kept(row: DeadLetterRow) -> KeptLetter:
    letter = DeadLetter(at=row.timestamp, **{name: getattr(row, name) for name in FIELDS})
    return KeptLetter(row.id, row.state, row.times, row.last_at, letter)
