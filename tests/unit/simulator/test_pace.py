"""The venue's clock against the real one."""

import pytest

from app.domain.pace import Pace


def test_it_runs_as_fast_as_it_says() -> None:
    pace = Pace(real_us=1_000, venue_us=50_000, speed=5)
    assert pace.at(1_000) == 50_000
    assert pace.at(1_100) == 50_500


def test_the_way_back_never_comes_too_early() -> None:
    pace = Pace(real_us=0, venue_us=0, speed=3)
    assert pace.real(10) == 4
    assert pace.at(pace.real(10)) >= 10


def test_another_speed_makes_no_jump() -> None:
    pace = Pace(real_us=0, venue_us=100, speed=2)
    faster = pace.faster(50, 10)
    assert faster.at(50) == pace.at(50) == 200
    assert faster.at(51) == 210


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Pace(0, 0, speed)
