"""Dead letters in the database, beyond what every store of them does."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update

from app.store import Database, Letters
from models import DeadLetterRow
from tests.fixtures.memory.builders import NOON, a_letter


def test_a_letter_comes_back_as_it_was(database: Database) -> None:
    letter = a_letter(args='["\\u0000", 1e999]', traceback="Größe ✓", chain='[{"task": "next"}]', attempts=7)
    Letters(database).keep(letter)

    kept = Letters(database).get("task-1")

    assert kept.letter == letter
    assert (kept.state, kept.times, kept.last_at) == ("waiting", 1, NOON)
    assert Letters(database).get(str(kept.number)) == kept


def test_what_repeats_keeps_its_first_time_and_its_last_words(database: Database) -> None:
    first = a_letter(repeats=True, error="first")
    last = replace(first, task_id="task-2", error="last", traceback="there", at=NOON + timedelta(seconds=9))
    Letters(database).keep(first)
    Letters(database).keep(last)

    [kept] = Letters(database).waiting(9)

    assert (kept.times, kept.letter.at, kept.last_at) == (2, NOON, last.at)
    assert (kept.letter.error, kept.letter.traceback, kept.letter.task_id) == ("last", "there", "task-1")


def test_what_a_person_has_dealt_with_waits_no_more_and_may_be_tried_again(database: Database) -> None:
    letters = Letters(database)
    for number in range(3):
        letters.keep(a_letter(f"task-{number}", kind="WorkerLostError"))
    assert letters.crashing(3) == {("place", "O-1")}
    with database.writing() as session:
        session.execute(update(DeadLetterRow).where(DeadLetterRow.task_id == "task-0").values(state="done"))

    assert letters.crashing(3) == set()
    assert [one.letter.task_id for one in letters.waiting(9)] == ["task-2", "task-1"]
    assert letters.count() == 2


def test_old_letters_are_forgotten_and_of_too_many_of_a_queue_the_oldest(database: Database) -> None:
    letters = Letters(database)
    letters.keep(a_letter("of another", queue="signals", at=NOON - timedelta(days=3)))
    for days in range(5):
        letters.keep(a_letter(f"task-{days}", at=NOON - timedelta(days=days)))

    assert letters.forget(NOON - timedelta(days=3)) == 1
    assert letters.forget(NOON - timedelta(days=3), most=2) == 2
    assert letters.forget(NOON - timedelta(days=3), most=2) == 0
    assert [one.letter.task_id for one in letters.waiting(9)] == ["task-0", "task-1", "of another"]
