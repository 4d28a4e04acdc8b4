"""A dead letter is kept wherever it can be."""

import pytest
from redis.exceptions import ConnectionError as RedisGone
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from app.domain.letters import DeadLetter
from app.steps.keep_letter import AT_ONCE, keep_aside, keep_letter
from app.store import DatabaseError
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import a_letter

AWAY = [DatabaseError("it is away", "Start it"), OperationalError("INSERT", {}, Exception("it is away"))]


class NoLetters:
    """A store whose database is away."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def keep(self, letter: DeadLetter) -> bool:
        raise self._error

    def crashing(self, least: int) -> set[tuple[str, str]]:
        raise self._error


def test_a_letter_is_kept_and_told_once(memory: MemoryFarm) -> None:
    with capture_logs() as logs:
        for _ in range(2):
            keep_letter(a_letter(), letters=memory.letters, aside=memory.aside)

    assert list(memory.tables.letters) == ["task-1"]
    assert [(line["event"], line["about"]) for line in logs] == [("dead letter kept", "O-1")]
    assert memory.aside.waiting == []


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
def test_while_the_database_is_away_a_letter_waits_and_is_brought_later(memory: MemoryFarm, error: Exception) -> None:
    keep_letter(a_letter(), letters=NoLetters(error), aside=memory.aside)
    with pytest.raises(type(error)):
        keep_aside(letters=NoLetters(error), aside=memory.aside)

    assert memory.aside.waiting == [a_letter()]
    assert keep_aside(letters=memory.letters, aside=memory.aside) == 1
    assert list(memory.tables.letters) == ["task-1"]
    assert keep_aside(letters=memory.letters, aside=memory.aside) == 0


def test_many_letters_are_brought_in_parts(memory: MemoryFarm) -> None:
    for number in range(AT_ONCE + 1):
        memory.aside.put(a_letter(f"task-{number}"))

    assert keep_aside(letters=memory.letters, aside=memory.aside) == AT_ONCE + 1
    assert len(memory.tables.letters) == AT_ONCE + 1


def test_letters_that_had_to_go_for_others_are_told(memory: MemoryFarm) -> None:
    memory.aside.most = 1
    with capture_logs() as logs:
        for name in ("task-1", "task-2"):
            keep_letter(a_letter(name), letters=NoLetters(AWAY[0]), aside=memory.aside)

    assert [line["event"] for line in logs if line["log_level"] == "error"] == [
        "dead letters were dropped, too many wait for the database"
    ]


def test_when_all_is_away_the_letter_is_in_the_log(memory: MemoryFarm) -> None:
    memory.aside.error = RedisGone("refused")
    with capture_logs() as logs:
        keep_letter(a_letter(), letters=NoLetters(AWAY[0]), aside=memory.aside)

    assert [line["event"] for line in logs] == ["dead letter is nowhere but in this line"]
    assert logs[0]["letter"]["args"] == '["O-1"]'
