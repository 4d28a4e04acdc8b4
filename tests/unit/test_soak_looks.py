"""What a soak makes of what it saw of a farm."""

from tests.soak.flat import Series
from tests.soak.looks import BOUNDS, bound, objections, told

TIMES_S = [look * 5.0 for look in range(60)]


def seen(**grows: float) -> list[Series]:
    """By how much each value grows in a minute; the names have dashes for what is no identifier."""
    names = {"memory": "memory of feed, MiB", "keys": "keys in Redis", "kept": "kept: audits"}
    return [Series(names[name], TIMES_S, [100 + by * at / 60 for at in TIMES_S]) for name, by in grows.items()]


def test_each_value_has_the_bound_of_the_first_name_that_fits() -> None:
    assert bound("memory of Redis' data, MiB") is BOUNDS["memory of Redis' data"]
    assert bound("memory of redis, MiB") is BOUNDS["memory"]
    assert bound("rows of account") is BOUNDS["rows of"]


def test_a_farm_that_stays_as_it_is_has_nothing_to_object_to() -> None:
    assert objections(seen(memory=0.5, keys=1.0, kept=600.0)) == []


def test_what_leaks_is_named() -> None:
    [memory, keys] = objections(seen(memory=6.0, keys=10.0, kept=0.0))

    assert memory.startswith("memory of feed, MiB grew by 19")
    assert keys.startswith("keys in Redis grew by 32")


def test_a_table_may_grow_but_not_faster_and_faster() -> None:
    faster = Series("kept: audits", TIMES_S, [at**3 / 10_000 for at in TIMES_S])

    assert objections([faster]) == ["kept: audits grew by 6.75 a second, and then by 18.60"]


def test_thirds_are_told_by_their_medians() -> None:
    assert told(seen(memory=60.0)).splitlines()[-1].split()[-3:] == ["147.5", "247.5", "347.5"]
