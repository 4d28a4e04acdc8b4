"""cdb failed over a real database."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app import wiring
from app.cli.codes import FAILED, WRONG
from app.store import Letters
from tests.fixtures.memory.builders import NOON, a_letter
from tests.fixtures.typed import Typed

CHAIN = '[{"task": "tasks.signals.last"}, {"task": "tasks.orders.next"}]'


@pytest.fixture
def letters(data_dir: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Letters:
    """The dead letters that the command reads; no farm, no Redis."""
    monkeypatch.setenv("CDB_DATABASE_URL", sqlite_url)
    return wiring.letters()


def test_letters_are_listed_newest_first(letters: Letters, typed: Typed) -> None:
    letters.keep(a_letter("task-1", error="first line\nsecond line"))
    beat = a_letter("beat-1", name="tasks.upkeep.wake", about="", repeats=True, at=NOON + timedelta(minutes=1))
    letters.keep(beat)
    letters.keep(replace(beat, task_id="beat-2", at=NOON + timedelta(minutes=2)))

    ended = typed("failed", "list")

    lines = [line.split() for line in ended.out.splitlines()]
    assert (ended.code, ended.err) == (0, "")
    assert lines[1] == [
        "2",
        "2024-11-20",
        "12:02:00",
        "2",
        "tasks.upkeep.wake",
        "-",
        "ValueError:",
        "no",
        "such",
        "thing",
    ]
    assert lines[2][:6] == ["1", "2024-11-20", "12:00:00", "1", "tasks.orders.place", "O-1"]
    assert "second" not in ended.out


def test_more_letters_than_are_shown_are_told(letters: Letters, typed: Typed) -> None:
    for number in range(3):
        letters.keep(a_letter(f"task-{number}"))

    ended = typed("failed", "list", "--limit", "1")

    assert len(ended.out.splitlines()) == 2
    assert "and 2 older ones; --limit shows more" in ended.err


def test_without_letters_there_is_nothing_to_list(letters: Letters, typed: Typed) -> None:
    assert typed("failed", "list").out == "No task has failed for good.\n"
    assert typed("failed", "list", "--json").plain == []


def test_a_person_reads_all_that_is_known_of_a_letter(letters: Letters, typed: Typed) -> None:
    letters.keep(a_letter(chain=CHAIN, traceback="Traceback\n  in place [bold]", worker="orders@host", attempts=7))

    ended = typed("failed", "show", "task-1")

    assert [line.strip() for line in ended.out.splitlines()] == [
        "Dead letter 1: tasks.orders.place, waiting",
        "failed 2024-11-20 12:00:00 UTC, after 7 attempts, on queue orders of orders@host",
        "Error",
        "ValueError: no such thing",
        "Called with",
        'args ["O-1"]',
        "kwargs {}",
        "Links that did not run",
        "tasks.orders.next",
        "tasks.signals.last",
        "Ids",
        "task task-1",
        "root -, parent -",
        "correlation id frame-1",
        "Traceback",
        "Traceback",
        "in place [bold]",
    ]


def test_a_letter_that_came_again_says_how_often_and_a_message_is_shown_as_it_came(
    letters: Letters, typed: Typed
) -> None:
    for minute in range(3):
        at = NOON + timedelta(minutes=minute)
        letters.keep(a_letter(f"beat-{minute}", repeats=True, at=at, message="application/json 5", chain="[]"))

    ended = typed("failed", "show", "1")

    assert "12:00:00 UTC, 3 times until 2024-11-20 12:02:00, after 1 attempt" in ended.out
    assert "Links that did not run\n  none\n" in ended.out
    assert "Message as it came\n  application/json 5\n" in ended.out


def test_machines_read_the_same_as_json(letters: Letters, typed: Typed) -> None:
    letters.keep(a_letter(chain=CHAIN))

    [listed] = typed("failed", "list", "--json").plain
    shown = typed("failed", "show", "1", "--json").plain

    assert listed == shown
    assert (shown["number"], shown["state"], shown["times"], shown["kind"]) == (1, "waiting", 1, "ValueError")
    assert (shown["args"], shown["chain"][1]) == (["O-1"], {"task": "tasks.orders.next"})


@pytest.mark.parametrize("name", ["2", "nobody", "9" * 30])
def test_a_letter_that_is_not_there_is_told_with_the_cure(letters: Letters, typed: Typed, name: str) -> None:
    letters.keep(a_letter())

    ended = typed("failed", "show", name)

    assert (ended.code, ended.out) == (FAILED, "")
    assert f"There is no dead letter {name}. `cdb failed list` shows those that wait" in ended.err


def test_without_a_letter_it_is_wrong_usage(typed: Typed) -> None:
    assert typed("failed", "show").code == WRONG
