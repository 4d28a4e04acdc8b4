"""Medians and percentiles of a benchmark, and the table in which they stand beside their baseline."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value and that of the baseline of the same run, in the same unit."""

    name: str
    value: float
    baseline: float | None
    unit: str

    @property
    def ratio(self) -> float | None:
        """Times the baseline."""
        return self.value / self.baseline if self.baseline else None


def percentile(values: Iterable[float], percent: float) -> float:
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def slope(values: Sequence[float]) -> float:
    """By how much a value grows from one sample to the next (least squares)."""
    middle, mean = (len(values) - 1) / 2, sum(values) / len(values)
    above = sum((place - middle) * (value - mean) for place, value in enumerate(values))
    return above / sum((place - middle) ** 2 for place in range(len(values)))


def lag(what: str, values: Sequence[float], unit: str) -> list[Figure]:
    """Samples of what waits, one a second: it is kept up with as long as the last figure is about zero."""
    return [
        Figure(f"{what}, median", percentile(values, 50), None, unit),
        Figure(f"{what}, most", max(values), None, unit),
        Figure(f"{what}, growth", slope(values), None, f"{unit}/s"),
    ]


def table(figures: Sequence[Figure]) -> str:
    """Aligned columns."""
    rows = [("figure", "value", "baseline", "ratio", "unit")]
    for one in figures:
        baseline = "–" if one.baseline is None else f"{one.baseline:.2f}"
        ratio = "–" if one.ratio is None else f"{one.ratio:.2f}"
        rows.append((one.name, f"{one.value:.2f}", baseline, ratio, one.unit))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def plain(figures: Sequence[Figure]) -> str:
    """For machines."""
    return json.dumps([{**asdict(one), "ratio": one.ratio} for one in figures])
