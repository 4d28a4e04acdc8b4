"""Dead letters: what makes two the same, and texts that every database takes."""

import pytest

from app.domain.letters import CLIPPED, storable
from tests.fixtures.memory.builders import a_letter


def test_a_letter_is_its_tasks() -> None:
    assert a_letter("task-1").key == "task-1"
    assert a_letter(name="tasks.risk.approve").step == "approve"


def test_letters_of_what_repeats_are_the_same_if_task_arguments_and_kind_are() -> None:
    key = a_letter("beat-1", repeats=True).key

    assert a_letter("beat-2", repeats=True, error="another").key == key
    for change in ({"kind": "KeyError"}, {"args": "[]"}, {"kwargs": '{"a": 1}'}, {"name": "tasks.upkeep.wake"}):
        assert a_letter("beat-2", repeats=True, **change).key != key


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain ✓", "plain ✓"),
        ("nul \0.", "nul \\0."),
        ("half a pair \ud800.", "half a pair \\ud800."),
        ("0123456789" * 3, "012345" + CLIPPED + "456789"),
    ],
)
def test_a_text_is_made_storable(text: str, kept: str) -> None:
    assert storable(text, 16 if len(text) == 30 else 100) == kept
