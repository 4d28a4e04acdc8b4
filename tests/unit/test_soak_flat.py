"""What a soak is judged by: each check fails for a leak and holds for noise."""

from collections.abc import Callable
from random import Random

import pytest

from tests.soak.flat import Bound, Series, TooFew, grown, growth, quickened, slope

LOOKS, EVERY_S = 96, 5.0  # eight minutes
LONG = 360  # half an hour
BOUND = Bound(slack=5, share=0.05)
SEEDS = range(60)


def series(value: Callable[[int], float], looks: int = LOOKS) -> Series:
    return Series("memory", [look * EVERY_S for look in range(looks)], [value(look) for look in range(looks)])


def noisy(draw: Random) -> float:
    """Around a hundred, now and then twice as much."""
    return draw.gauss(100, 4) * (2 if draw.random() < 0.08 else 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_is_no_growth(seed: int) -> None:
    draw = Random(seed)

    assert grown(series(lambda look: noisy(draw)), BOUND) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_leak_under_that_noise_is(seed: int) -> None:
    """A third more over eight minutes, of which two thirds of the time count."""
    draw = Random(seed)

    objection = grown(series(lambda look: noisy(draw) + 36 * look / LOOKS), BOUND)

    assert objection is not None
    assert objection.startswith("memory grew by ")


def test_what_is_emptied_again_and_again_is_flat() -> None:
    assert grown(series(lambda look: 100 + look % 9), BOUND) is None


def test_caches_that_fill_at_the_beginning_are_no_growth() -> None:
    assert grown(series(lambda look: 10 + min(look, LOOKS // 3) * 9), BOUND) is None


def test_what_shrinks_is_flat() -> None:
    assert grown(series(lambda look: 100 - look), BOUND) is None


def test_a_step_in_the_middle_is_growth() -> None:
    assert grown(series(lambda look: 100 if look < LOOKS * 2 // 3 else 140), BOUND) is not None


def test_growth_is_in_the_units_of_the_value_and_over_the_time_that_counts() -> None:
    assert growth(series(lambda look: 3.0 * look)) == pytest.approx(3.0 * (LOOKS * 2 // 3 - 1))
    assert slope(series(lambda look: 3.0 * look)) == pytest.approx(3.0 / EVERY_S)


def test_growth_up_to_the_bound_is_allowed() -> None:
    assert grown(series(lambda look: 100 + 6.0 * look / LOOKS), Bound(slack=5)) is None
    assert grown(series(lambda look: 100 + 9.0 * look / LOOKS), Bound(slack=5)) is not None
    assert grown(series(lambda look: 100 + 9.0 * look / LOOKS), Bound(slack=0, share=0.07)) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_what_grows_evenly_has_not_quickened(seed: int) -> None:
    draw, rows = Random(seed), 0.0

    def value(look: int) -> float:
        nonlocal rows
        rows += draw.choice([0, 5, 20, 40, 60])  # as orders come, in bursts
        return rows

    assert quickened(series(value, LONG), Bound(slack=2, share=1.0)) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_what_grows_four_times_as_fast_has(seed: int) -> None:
    draw, rows = Random(seed), 0.0

    def value(look: int) -> float:
        nonlocal rows
        rows += draw.choice([0, 5, 20, 40, 60]) * (4 if look > LONG * 2 // 3 else 1)
        return rows

    assert quickened(series(value, LONG), Bound(slack=2, share=1.0)) is not None


def test_too_few_looks_are_no_proof() -> None:
    with pytest.raises(TooFew, match="11 times"):
        grown(Series("memory", [*map(float, range(11))], [1.0] * 11), BOUND)
