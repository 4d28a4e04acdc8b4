"""Dead letters in the database (`dead_letters`)."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, or_, select
from sqlalchemy.orm import Session

from app.domain.errors import Missing
from app.domain.letters import CRASHED, UNDONE, DeadLetter, KeptLetter, LetterState, storable
from app.store.audits import audit
from app.store.database import Database
from app.store.inserts import insert_new
from models import DeadLetterRow

MOST = 5_000  # letters that are kept of each queue, some kilobytes each; those of one crowd out no others
FIELDS = tuple(field.name for field in fields(DeadLetter) if field.name not in ("at", "run"))
NOTE = 600  # characters
S = LetterState


class Letters:
    """Dead letters by number or task id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, letter: DeadLetter) -> bool:
        """Keep a letter, waiting; False if it is there, and then it may have failed again."""
        values = {name: getattr(letter, name) for name in FIELDS}
        born = {"key": letter.key, "state": S.WAITING, "times": 1, "timestamp": letter.at, "last_at": letter.at}
        with self._database.writing() as session:
            new = insert_new(session, DeadLetterRow, [values | born], ("key",)) == 1
            if not new and (letter.repeats or letter.run):
                _fail_again(session, letter)
            return new

    def waiting(self, limit: int, states: Sequence[LetterState] = UNDONE) -> list[KeptLetter]:
        """Those that wait for a person, or are in these states, newest first."""
        query = (
            select(DeadLetterRow)
            .where(DeadLetterRow.state.in_(states))
            .order_by(DeadLetterRow.last_at.desc(), DeadLetterRow.id.desc())
            .limit(limit)
        )
        return self._all(query)

    def of_a_kind(self, kind: str, limit: int) -> list[KeptLetter]:
        """Those that wait of a task (`tasks.` may be left out) or of a kind of error, oldest first."""
        named = or_(DeadLetterRow.name.in_((kind, f"tasks.{kind}")), DeadLetterRow.kind == kind)
        query = select(DeadLetterRow).where(DeadLetterRow.state.in_(UNDONE), named)
        return self._all(query.order_by(DeadLetterRow.last_at, DeadLetterRow.id).limit(limit))

    def overdue(self, at: datetime, limit: int) -> list[KeptLetter]:
        """Those that are being run again and whose deadline is over."""
        late = DeadLetterRow.state == S.RERUNNING, DeadLetterRow.deadline <= at
        return self._all(select(DeadLetterRow).where(*late).order_by(DeadLetterRow.deadline).limit(limit))

    def count(self, states: Sequence[LetterState] = UNDONE) -> int:
        """How many of them there are."""
        query = select(func.count()).select_from(DeadLetterRow).where(DeadLetterRow.state.in_(states))
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
            .where(DeadLetterRow.state.in_(UNDONE), DeadLetterRow.kind.in_(CRASHED), DeadLetterRow.about != "")
            .group_by(DeadLetterRow.name, DeadLetterRow.about)
            .having(func.sum(DeadLetterRow.times) >= least)
        )
        with self._database.reading() as session:
            return {(name.rpartition(".")[2], about) for name, about in session.execute(query)}

    def claim(
        self, number: int, times: int, *, reason: str, by: str, at: datetime, deadline: datetime
    ) -> KeptLetter | None:
        """The letter as it is now being run again, for whoever comes first; None for everyone else."""
        with self._database.writing() as session:
            row = _locked(session, DeadLetterRow.id == number)
            if row is None or row.state not in UNDONE or row.times != times:
                return None
            row.reruns += 1
            row.deadline = deadline
            _move(session, row, S.RERUNNING, f"{reason} ({by})", at, reason=reason, by=by)
            return _kept(row)

    def put_back(self, number: int, run: int, why: str, at: datetime) -> bool:
        """It waits again, as nothing came of this run; False if that is not the one that is under way."""
        with self._database.writing() as session:
            row = _locked(session, DeadLetterRow.id == number)
            if row is None or row.state != S.RERUNNING or row.reruns != run:
                return False
            _move(session, row, S.WAITING, why, at, reason=why)
            return True

    def finish(self, task_id: str, run: int, note: str, at: datetime) -> bool:
        """This run of it has succeeded, or was not needed any more; False if the letter has ended before."""
        with self._database.writing() as session:
            row = _locked(session, DeadLetterRow.key == task_id)
            if row is None or row.reruns < run or row.state in (S.DONE, S.DISCARDED):
                return False
            _move(session, row, S.DONE, note, at, reason=note)
            return True

    def discard(self, number: int, times: int, *, reason: str, by: str, at: datetime) -> bool:
        """A person needs it no more; False if it does not wait, or has failed again since it was seen."""
        with self._database.writing() as session:
            row = _locked(session, DeadLetterRow.id == number)
            if row is None or row.state not in UNDONE or row.times != times:
                return False
            _move(session, row, S.DISCARDED, f"{reason} ({by})", at, reason=reason, by=by)
            return True

    def forget(self, before: datetime, most: int = MOST) -> int:
        """Drop those that last came before then, and of each queue the oldest of more than `most`; how many went."""
        newest = DeadLetterRow.last_at.desc(), DeadLetterRow.id.desc()
        place = func.row_number().over(partition_by=DeadLetterRow.queue, order_by=newest).label("place")
        young = select(DeadLetterRow.id, place).where(DeadLetterRow.last_at >= before).subquery()
        kept = select(young.c.id).where(young.c.place <= most)
        with self._database.writing(durable=False) as session:
            gone = delete(DeadLetterRow).where(DeadLetterRow.id.not_in(kept)).returning(DeadLetterRow.id)
            return len(session.scalars(gone).all())

    def _all(self, query: Select[DeadLetterRow]) -> list[KeptLetter]:
        with self._database.reading() as session:
            return [_kept(row) for row in session.scalars(query)]


def _fail_again(session: Session, letter: DeadLetter) -> None:
    """Count what has failed once more: of a re-run once, however often it is told of."""
    row = session.scalars(select(DeadLetterRow).where(DeadLetterRow.key == letter.key).with_for_update()).one()
    if not letter.repeats and (letter.run <= row.failed_run or row.state in (S.DONE, S.DISCARDED)):
        return
    row.times += 1
    row.error, row.traceback, row.last_at = letter.error, letter.traceback, letter.at
    if letter.repeats:
        row.state = S.WAITING  # whoever has discarded it sees that it was not over
        return
    row.kind, row.worker, row.attempts, row.failed_run = letter.kind, letter.worker, letter.attempts, letter.run
    if letter.run == row.reruns:  # otherwise a newer run is under way, which ends by itself
        told = f"re-run {letter.run} failed: {letter.kind}"
        _move(session, row, S.FAILED_AGAIN, told, letter.at, reason=letter.error)


def _move(session: Session, row: DeadLetterRow, state: LetterState, note: str, at: datetime, **more: Any) -> None:
    told = {"letter": row.id, "task": row.name, "task_id": row.task_id, "about": row.about or None, "run": row.reruns}
    change = {**told, "from": row.state, **more, "correlation_id": row.correlation_id or None}
    audit(session, f"letter.{state}", "letters", change, at)
    row.state, row.note = state, storable(note, NOTE)
    if state is not S.RERUNNING:
        row.deadline = None


def _locked(session: Session, which: ColumnElement[bool]) -> DeadLetterRow | None:
    return session.scalars(select(DeadLetterRow).where(which).with_for_update()).first()


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 18


def _kept(row: DeadLetterRow) -> KeptLetter:
    letter = DeadLetter(at=row.timestamp, **{name: getattr(row, name) for name in FIELDS})
    state = LetterState(row.state)
    return KeptLetter(row.id, state, row.times, row.last_at, letter, row.reruns, row.deadline, row.note)
