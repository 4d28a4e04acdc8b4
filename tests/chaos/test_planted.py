"""The schedules find what is wrong: each planted mistake is found within the number of schedules of every day."""

import pytest

from tests.chaos.planted import PLANTED
from tests.chaos.schedules import EVERY_DAY, run
from tests.chaos.world import Wrong


@pytest.mark.parametrize("mistake", PLANTED)
def test_a_planted_mistake_is_found(mistake: str) -> None:
    with pytest.raises(Wrong, match=r"repeat it: CHAOS_REPEAT='chance:\d+'"):
        all_of_a_day(mistake)


def all_of_a_day(mistake: str) -> None:
    for seed in range(EVERY_DAY):
        run(f"chance:{seed}", steps=PLANTED[mistake])
