"""With what a figure of a strategy is drawn."""

import pytest

from app.web.charts import place

CLOSES = [50.0, 51.0, 52.0, 51.0]


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ([None, 50.5, 51.0, 51.2], "price"),
        ([20.0, 45.0, 70.0, 85.0], "oscillator"),
        ([0.001, -0.002, 0.003, 0.0], "other"),
        ([0.5, 1.5, 2.0, 0.7], "other"),
        ([1000.0, 1200.0, 900.0, 1500.0], "other"),
        ([None, None, None, None], "other"),
    ],
)
def test_it_is_told_by_its_numbers(values: list[float | None], where: str) -> None:
    assert place(values, CLOSES) == where
