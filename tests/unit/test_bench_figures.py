"""A benchmark's arithmetic."""

from tests.bench.figures import Figure, percentile, slope, table


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert [percentile(range(1, 101), percent) for percent in (50, 99, 100)] == [50, 99, 100]
    assert percentile([7.0], 50) == 7.0


def test_a_slope_is_what_is_added_at_each_look() -> None:
    assert slope([5.0, 5.0, 5.0]) == 0
    assert slope([0.0, 2.0, 4.0, 6.0]) == 2


def test_a_ratio_needs_a_baseline() -> None:
    shown = table([Figure("with", 6.0, 2.0, "ms"), Figure("without", 1.0, None, "rows")])

    assert "3.00" in shown
    assert shown.splitlines()[-1].split() == ["without", "1.00", "–", "–", "rows"]
