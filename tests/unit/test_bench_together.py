"""What several processes took for what they did at once."""

import pytest

from tests.bench.together import Took


def test_a_rate_is_by_the_clock_and_cpu_is_of_all_who_worked() -> None:
    took = Took(done=200, wall_s=4.0, cpu_s=0.5, servers_s=0.1)

    assert took.rate == 50
    assert took.cpu_us == pytest.approx(3_000)
