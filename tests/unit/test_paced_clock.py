"""The clock of a replay."""

from datetime import UTC, datetime, timedelta

import redis

from app.domain.pace import Pace
from app.paced_clock import READ_AGAIN_S, PacedClock

REAL_US = 1_732_104_000_000_000
NOON = datetime(2024, 11, 20, 12, tzinfo=UTC)


class Machine:
    """A clock that is moved by hand, and the pace that Redis holds."""

    def __init__(self, pace: Pace | None) -> None:
        self.real_us = REAL_US
        self.pace = pace
        self.gone = False
        self.asked = 0

    def read(self) -> Pace | None:
        self.asked += 1
        if self.gone:
            raise redis.ConnectionError("gone")
        return self.pace


def clock(machine: Machine) -> PacedClock:
    return PacedClock(machine.read, lambda: machine.real_us)


def test_time_runs_at_the_pace_of_the_replay() -> None:
    machine = Machine(Pace(REAL_US, REAL_US - 60_000_000, 5.0))
    now = clock(machine)
    first = now()
    machine.real_us += 1_000_000

    assert first == NOON - timedelta(minutes=1)
    assert now() - first == timedelta(seconds=5)


def test_the_pace_is_not_asked_for_on_every_reading() -> None:
    machine = Machine(Pace(REAL_US, REAL_US, 2.0))
    now = clock(machine)
    for _ in range(100):
        now()

    assert machine.asked == 1


def test_without_a_pace_it_is_real_time() -> None:
    assert clock(Machine(None))() == NOON


def test_a_clock_that_has_lost_its_redis_goes_on_as_it_went() -> None:
    machine = Machine(Pace(REAL_US, REAL_US - 60_000_000, 1.0))
    now = clock(machine)
    before = now()
    machine.gone = True
    now._read_again_at -= READ_AGAIN_S

    assert now() == before
    assert machine.asked == 2
