"""Momentum: enter when averages cross with momentum, volume and trend behind them; leave when that ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, inf, isnan, log, nan
from typing import ClassVar, Literal

import numpy as np
from pandas import DataFrame, Index

from app.domain.orders import Side
from app.domain.trading import Wish
from app.indicators import Figures, ema, rsi, sma

FIGURES = Index(
    ["close", "fast", "slow", "spread", "trend", "rsi", "volume", "volume_average", "volume_ratio"], dtype="str"
)
# Averages this near to each other, as a share of the price, are equal: in a flat market only rounding parts them.
EQUAL = 1e-9
# A smoothed average never forgets where it began; it may carry this share of it.
MEMORY = 1e-10


@dataclass(frozen=True, slots=True)
class Strategy:
    """BUY when `fast` crosses above `slow`, RSI is within (`rsi_entry`, `rsi_overbought`), the volume of this bar or
    one of the `spike_within` last was `spike` times its average, and the close is above the `trend` average.

    SELL when `fast` crosses below `slow`, or RSI falls back below `rsi_overbought`. Lengths are in bars.

    The strength of a BUY is the mean of two shares: how far RSI is on its way from `rsi_entry` to
    `rsi_overbought`, and the volume over twice the spike that was asked for, 1 at most. Of a SELL after a
    crossover it is 1 - RSI/100, after an exhaustion RSI/100 as it was before. It is never below 0.01.
    """

    average: Literal["ema", "sma"] = "ema"
    fast: int = 9
    slow: int = 21
    trend: int = 50
    rsi: int = 14
    rsi_entry: float = 50.0
    rsi_overbought: float = 75.0
    volume: int = 20
    spike: float = 1.5
    spike_within: int = 3

    version: ClassVar[str] = "1"

    def __post_init__(self) -> None:
        if not 2 <= self.fast < self.slow:
            raise ValueError(f"fast {self.fast} and slow {self.slow} must hold 2 <= fast < slow")
        for name in ("trend", "rsi", "volume"):
            if getattr(self, name) < 2:
                raise ValueError(f"{name} {getattr(self, name)} must be 2 bars or more")
        if not 0 <= self.rsi_entry < self.rsi_overbought <= 100:
            raise ValueError(f"0 <= {self.rsi_entry} < {self.rsi_overbought} <= 100 must hold for RSI's two levels")
        if not (self.spike > 0 and self.spike_within >= 1):
            raise ValueError(f"spike {self.spike} must be above 0 and spike_within {self.spike_within} 1 or more")

    @property
    def warm_up(self) -> int:
        """Bars before which it decides nothing: the longest average, and the bar before."""
        return max(self.slow, self.trend, self.rsi, self.volume + self.spike_within - 1) + 1

    @property
    def window(self) -> int:
        """Bars that decide as all of history would.

        An exponential average over n bars gives its first bar the weight (1 - alpha)^n. One part in 10^10 is far
        less than a price step, and RSI stays within one in 10^6 even if 120 of the bars stood still (there the
        weight of what came before counts more). With the defaults RSI is the slowest: alpha = 1/14, so 311 bars
        (slow: alpha = 2/22, 242 bars). One more for the bar before.
        """
        smoothed = [_forgotten_after(1 / self.rsi)]
        if self.average == "ema":
            smoothed.append(_forgotten_after(2 / (self.slow + 1)))
        return max(self.warm_up, *smoothed) + 1

    def indicators(self, bars: DataFrame) -> DataFrame:
        """Every figure that `decide` looks at, one row a bar; averages and RSI are those of the library `ta`."""
        close, volume = bars["close"].to_numpy(float), bars["volume"].to_numpy(float)
        average = sma if self.average == "sma" else ema
        fast, slow = average(close, self.fast), average(close, self.slow)
        usual = sma(volume, self.volume)
        ratio = volume / np.where(usual == 0, inf, usual)
        figures = (
            *(close, fast, slow, fast / slow - 1, sma(close, self.trend), rsi(close, self.rsi)),
            *(volume, usual, _highest(ratio, self.spike_within)),
        )
        return DataFrame(np.array(figures).T, columns=FIGURES, index=bars.index, copy=False)

    def decide(self, now: Mapping[str, float], before: Mapping[str, float]) -> Wish | None:
        """A wish from two neighbouring rows of `indicators`; None while one of them has a figure missing."""
        if any(map(isnan, (*now.values(), *before.values()))):
            return None
        return self._leave(now, before) or self._enter(now, before)

    def _leave(self, now: Mapping[str, float], before: Mapping[str, float]) -> Wish | None:
        if before["spread"] >= -EQUAL > now["spread"]:
            reason = f"the average of {self.fast} bars crossed below that of {self.slow}, RSI {now['rsi']:.1f}"
            return Wish(Side.SELL, _strength(1 - now["rsi"] / 100), reason)
        if before["rsi"] >= self.rsi_overbought > now["rsi"]:
            reason = f"RSI fell from {before['rsi']:.1f} back below {self.rsi_overbought:g}: momentum is exhausted"
            return Wish(Side.SELL, _strength(before["rsi"] / 100), reason)
        return None

    def _enter(self, now: Mapping[str, float], before: Mapping[str, float]) -> Wish | None:
        if not before["spread"] <= EQUAL < now["spread"]:
            return None
        if not self.rsi_entry < now["rsi"] < self.rsi_overbought:
            return None
        if now["volume_ratio"] < self.spike or now["close"] <= now["trend"]:
            return None
        reason = (
            f"the average of {self.fast} bars crossed above that of {self.slow}, RSI {now['rsi']:.1f}, "
            f"volume {now['volume_ratio']:.2f} times its average, close above that of {self.trend} bars"
        )
        return Wish(Side.BUY, self._strength_of_entry(now), reason)

    def _strength_of_entry(self, now: Mapping[str, float]) -> float:
        momentum = (now["rsi"] - self.rsi_entry) / (self.rsi_overbought - self.rsi_entry)
        volume = min(1.0, now["volume_ratio"] / (2 * self.spike))
        return _strength((momentum + volume) / 2)


def _highest(values: Figures, within: int) -> Figures:
    """The highest of the last values up to each; unknown while one of them is, or there are too few."""
    found = values.copy()
    for back in range(1, within):
        found[back:] = np.maximum(found[back:], values[:-back])
    found[: within - 1] = nan
    return found


def _strength(share: float) -> float:
    return max(0.01, min(1.0, share))


def _forgotten_after(alpha: float) -> int:
    return ceil(log(MEMORY) / log(1 - alpha))
