"""Audits are sealed in batches until none waits, and the head is told."""

from structlog.testing import capture_logs

from app.domain.sealing import BEGINNING
from app.steps.seal import seal
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import NOON


def written(memory: MemoryFarm, count: int) -> None:
    for number in range(count):
        memory.audits.write("farm.counted", "farm", {"number": number}, NOON)


def test_all_that_wait_are_sealed_however_small_the_batch(memory: MemoryFarm) -> None:
    written(memory, 7)

    assert seal(audits=memory.audits, at=NOON, batch=3) == 7
    assert memory.audits.head().sequence == 7


def test_the_head_is_told_so_that_the_logs_know_it_too(memory: MemoryFarm) -> None:
    written(memory, 2)

    with capture_logs() as logs:
        seal(audits=memory.audits, at=NOON)

    head = memory.audits.head()
    assert [(line["event"], line["rows"], line["sequence"], line["hash"]) for line in logs] == [
        ("audits sealed", 2, 2, head.hash)
    ]


def test_where_none_waits_nothing_is_told(memory: MemoryFarm) -> None:
    with capture_logs() as logs:
        assert seal(audits=memory.audits, at=NOON) == 0

    assert logs == []
    assert memory.audits.head() == BEGINNING


def test_a_long_backlog_leaves_time_for_other_tasks(memory: MemoryFarm) -> None:
    written(memory, 9)

    assert [seal(audits=memory.audits, at=NOON, batch=2, most=4) for _ in range(4)] == [4, 4, 1, 0]
