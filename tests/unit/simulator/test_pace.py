"""The venue's clock against the real one."""

import pytest

from app.domain.pace import Pace


def test_it_runs_as_fast_as_it_says() -> None:
    pace = Pace(real_us=1_000, venue_us=50_000, speed=5)
    assert pace.at(1_000) == 50_000
    assert pace.at(1_100) == 50_500


def test_another_speed_makes_no_jump_and_waits_for_its_time() -> None:
    pace = Pace(real_us=0, venue_us=100, speed=2)
    faster = pace.changed(50, 10)

    assert [faster.at(real_us) for real_us in (0, 49, 50, 51)] == [100, 198, 200, 210]


def test_a_jump_is_made_at_its_time_and_never_back() -> None:
    pace = Pace(real_us=0, venue_us=100)

    assert [pace.changed(50, 1, 1_000).at(real_us) for real_us in (49, 50)] == [149, 1_000]
    assert pace.changed(50, 1, 120).at(50) == 150


def test_what_is_over_is_forgotten_and_what_is_not_goes_on() -> None:
    pace = Pace(0, 0).changed(50, 2).changed(80, 3)

    assert Pace(0, 0).since(100) == Pace(0, 0)
    assert pace.since(30) == pace
    assert pace.since(50) == Pace(80, 110, 3, before=Pace(50, 50, 2))
    assert pace.since(80) == Pace(80, 110, 3)


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Pace(0, 0, speed)
