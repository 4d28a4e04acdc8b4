"""Whether what was looked at again and again stays flat: a check that a leak fails and that noise does not."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

LEAST = 12  # looks, below which nothing is said of anything


class TooFew(Exception):
    """There are too few looks to say anything."""


@dataclass(frozen=True, slots=True)
class Bound:
    """By how much a value may grow while it is looked at: an amount in its own unit, and a share of its median."""

    slack: float
    share: float = 0.0

    def allowed(self, values: Sequence[float]) -> float:
        """For these values."""
        return self.slack + self.share * abs(median(values))


@dataclass(frozen=True, slots=True)
class Series:
    """A value at instants, in seconds."""

    name: str
    times_s: Sequence[float]
    values: Sequence[float]

    def part(self, first: int, last: int) -> "Series":
        """Some thirds of it: part(1, 3) is all but the first."""
        if len(self.values) < LEAST:
            raise TooFew(f"{self.name} was looked at {len(self.values)} times, {LEAST} are the least")
        begin, end = (len(self.values) * third // 3 for third in (first, last))
        return Series(self.name, self.times_s[begin:end], self.values[begin:end])


def slope(series: Series) -> float:
    """By how much it grows in a second: the median of the slopes between any two looks (Theil and Sen).

    Up to 29 % of the looks may be anything.
    """
    looks = zip(series.times_s, series.values, strict=True)
    return median((then - now) / (later - at) for (at, now), (later, then) in combinations(looks, 2))


def growth(series: Series) -> float:
    """By how much it grew over the last two thirds of the time; in the first one, caches fill."""
    rest = series.part(1, 3)
    return slope(rest) * (rest.times_s[-1] - rest.times_s[0])


def grown(series: Series, bound: Bound) -> str | None:
    """What there is to object: that it grew by more than its bound."""
    found, allowed = growth(series), bound.allowed(series.part(1, 3).values)
    if found <= allowed:
        return None
    first, last = (median(series.part(third, third + 1).values) for third in (1, 2))
    return f"{series.name} grew by {found:.1f}, {allowed:.1f} is allowed; from {first:.1f} to {last:.1f} by its medians"


def quickened(series: Series, bound: Bound) -> str | None:
    """The same of what grows with what is done: that it grew faster in the last third than in the one before.

    The bound's slack is in units a second.
    """
    before, after = (_rate(series.part(third, third + 1)) for third in (1, 2))
    if after <= before + bound.slack + bound.share * abs(before):
        return None
    return f"{series.name} grew by {before:.2f} a second, and then by {after:.2f}"


def _rate(series: Series) -> float:
    """What only grows is best judged by its ends: what comes in bursts is a walk, of which slopes say little."""
    return (series.values[-1] - series.values[0]) / (series.times_s[-1] - series.times_s[0])
