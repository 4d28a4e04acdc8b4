"""F20: a venue's clock that is far from ours is told once, as long as it is so, and no slow answer is taken for it."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from app.domain.clock_skew import Skew
from app.domain.errors import Unavailable
from app.domain.market import microseconds
from app.steps.check_clock import check_clock
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import NOON

Check = Callable[..., int]


@pytest.fixture
def check(memory: MemoryFarm) -> Check:
    def once(ahead_ms: int = 0, took_s: float = 0, answered_at: float = 0.5) -> int:
        """The venue reads its clock somewhere in the time that its answer takes."""

        def time_us() -> int:
            memory.now.pass_by(seconds=took_s * answered_at)
            told = microseconds(memory.now()) + ahead_ms * 1000
            memory.now.pass_by(seconds=took_s * (1 - answered_at))
            return told

        memory.market.time_us = time_us  # type: ignore[method-assign]
        return check_clock(
            market=memory.market,
            skews=memory.skews,
            audits=memory.audits,
            announce=memory.announce,
            now=memory.now,
        )

    return once


@pytest.mark.parametrize("ahead_ms", [8000, -8000, 1000])
def test_a_clock_that_is_far_from_ours_is_told_once_until_it_is_well(
    memory: MemoryFarm, check: Check, ahead_ms: int
) -> None:
    with capture_logs() as logs:
        assert check(ahead_ms) == ahead_ms
        memory.now.pass_by(seconds=10)
        check(ahead_ms)

    told = {"offset_ms": ahead_ms, "blur_ms": 0, "since": "2024-11-20T12:00:00Z"}
    assert memory.tables.audits == [("clock.off", told)]
    assert memory.announce.topics == ["system_health"]
    assert [(one["log_level"], "NTP" in one["cure"]) for one in logs] == [("warning", True)]
    assert memory.skews.last == Skew(memory.now(), ahead_ms, 0, off_since=NOON)

    with capture_logs() as logs:
        assert check(12) == 12
    assert [one["event"] for one in logs] == ["the venue's clock is near ours again"]
    assert memory.skews.last == Skew(memory.now(), 12, 0)

    check(ahead_ms)
    assert len(memory.tables.audits) == 2


def test_a_clock_that_is_near_is_no_news(memory: MemoryFarm, check: Check) -> None:
    with capture_logs() as logs:
        assert [check(-400), check(999)] == [-400, 999]

    assert (logs, memory.tables.audits) == ([], [])
    assert str(memory.skews.last) == "the venue's is +999 ms away, give or take 0"


@pytest.mark.parametrize("answered_at", [0.0, 1.0])
def test_an_answer_that_was_slow_proves_nothing(memory: MemoryFarm, check: Check, answered_at: float) -> None:
    check(0, took_s=4, answered_at=answered_at)
    assert memory.tables.audits == []

    check(8000)
    check(0, took_s=4, answered_at=answered_at)

    assert memory.skews.last is not None
    assert memory.skews.last.off_since is not None
    assert len(memory.tables.audits) == 1


def test_however_slow_the_answer_what_is_farther_away_than_that_is_told(memory: MemoryFarm, check: Check) -> None:
    check(8000, took_s=4)

    assert [event for event, _ in memory.tables.audits] == ["clock.off"]


def test_a_venue_that_does_not_answer_leaves_the_last_measurement(memory: MemoryFarm, check: Check) -> None:
    check(8000)
    before = memory.skews.last

    def away() -> int:
        raise Unavailable("no answer")

    memory.market.time_us = away  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        check_clock(
            market=memory.market,
            skews=memory.skews,
            audits=memory.audits,
            announce=memory.announce,
            now=memory.now,
        )

    assert memory.skews.last == before
