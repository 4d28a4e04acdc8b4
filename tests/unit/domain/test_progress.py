"""When a worker counts as stuck, and when it does not."""

import math
from dataclasses import dataclass, replace

import pytest

from app.domain.progress import AWAY_S, Beat, Watch

STUCK_S, LONGEST_S = 60, 75
WELL = Beat(turn=0, begun=0, running=0, queues=("orders",))


@dataclass
class Worker:
    """One that is looked at every second; each call says what it is doing meanwhile."""

    watch: Watch
    at_s: float = 1000.0
    beat: Beat | None = WELL

    def goes_on(
        self, seconds: int, *, waiting: int | None = 1, turns: bool = True, begins: bool = False, running: int = 0
    ) -> str | None:
        for _ in range(seconds):
            self.at_s += 1
            if self.beat is not None:
                self.beat = replace(
                    self.beat, turn=self.beat.turn + turns, begun=self.beat.begun + begins, running=running
                )
            reason = self.watch.look(self.beat, waiting, self.at_s)
            if reason is not None:
                return reason
        return None


@pytest.fixture
def worker() -> Worker:
    return Worker(Watch(STUCK_S, LONGEST_S))


def test_a_worker_that_begins_nothing_while_messages_wait_is_stuck(worker: Worker) -> None:
    assert worker.goes_on(STUCK_S, waiting=3) is None
    assert worker.goes_on(1, waiting=3) == "it began and ended no task for 60 s while 3 messages waited"


def test_a_worker_whose_loop_stands_still_is_stuck(worker: Worker) -> None:
    assert worker.goes_on(STUCK_S, turns=False, running=2) is None
    assert worker.goes_on(1, turns=False, running=2) == "its event loop stood still for 60 s while a message waited"


def test_a_worker_that_begins_tasks_is_well_however_many_wait(worker: Worker) -> None:
    assert worker.goes_on(10 * STUCK_S, waiting=1_000_000, begins=True) is None


@pytest.mark.parametrize("waiting", [0, None], ids=["nothing waits", "Redis is away"])
@pytest.mark.parametrize("turns", [True, False])
def test_nobody_is_stuck_while_nothing_is_known_to_wait(worker: Worker, waiting: int | None, turns: bool) -> None:
    assert worker.goes_on(10 * STUCK_S, waiting=waiting, turns=turns) is None
    assert worker.goes_on(STUCK_S - 1, turns=turns) is None  # the wait is counted from here
    assert worker.goes_on(1, turns=turns) is not None


def test_a_task_may_take_as_long_as_tasks_may(worker: Worker) -> None:
    assert worker.goes_on(LONGEST_S, running=1) is None
    assert worker.goes_on(1, running=1) == "it began and ended no task for 75 s while a message waited"


def test_the_next_task_has_time_to_begin_when_a_long_one_ends(worker: Worker) -> None:
    assert worker.goes_on(LONGEST_S - 1, running=1) is None
    assert worker.goes_on(STUCK_S) is None
    assert worker.goes_on(1) is not None


def test_a_worker_that_has_told_nothing_is_not_judged(worker: Worker) -> None:
    worker.beat = None
    assert worker.goes_on(10 * STUCK_S) is None

    worker.beat = WELL
    assert worker.goes_on(STUCK_S, turns=False) is None
    assert worker.goes_on(1, turns=False) is not None


def test_who_was_away_himself_begins_anew(worker: Worker) -> None:
    assert worker.goes_on(STUCK_S) is None
    worker.at_s += math.ceil(AWAY_S)

    assert worker.goes_on(STUCK_S) is None
    assert worker.goes_on(1) is not None
