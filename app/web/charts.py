"""What a chart of bars shows: the bars, what strategies see in them, and what was bought and sold."""

import time
from collections.abc import Sequence
from datetime import datetime
from math import isfinite
from statistics import median
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from app import wiring
from app.domain.market import Bar, bar_end_us, instant, interval_seconds, microseconds
from app.domain.orders import Leg
from app.domain.window import Window
from app.store.listings import Filled
from app.web.models import Bars, Candle, Indicator, Marker

if TYPE_CHECKING:
    from pandas import Series

MOST_MARKERS = 500
KEPT = 64  # charts
FRESH_S = 2.0  # as often a page asks
NEAR = 0.05  # an average follows the price
SHARES = 2.0  # ratios are about 1, oscillators about 50
COLUMNS = ("open", "high", "low", "close", "volume")


class Charts:
    """Reckons a chart once for each bar and every two seconds at most, whoever looks at it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[tuple[str, str, int], tuple[float, Bars]] = {}

    def newest(self, symbol: str, interval: str, limit: int) -> Bars:
        """The chart up to the last bar, with the last price."""
        with self._lock:  # of ten pages that ask at once, one reckons
            kept = self._fresh(symbol, interval, limit)
        price, price_at = last_price(symbol)
        return kept.model_copy(update={"price": price, "price_at": price_at})

    def _fresh(self, symbol: str, interval: str, limit: int) -> Bars:
        key = symbol, interval, limit
        read_s, kept = self._kept.pop(key, (float("-inf"), None))
        if kept is None or time.monotonic() - read_s >= FRESH_S:
            kept, read_s = self._anew(kept, *key), time.monotonic()
        self._kept[key] = read_s, kept
        for old in list(self._kept)[:-KEPT]:
            del self._kept[old]
        return kept

    def _anew(self, kept: Bars | None, symbol: str, interval: str, limit: int) -> Bars:
        at = wiring.now()
        last = wiring.bars().window(symbol, interval, at, 1)
        if kept is None or not last or not kept.bars or kept.bars[-1].end != last[-1].end:
            return until(symbol, interval, at, limit)
        return kept.model_copy(update={"markers": _markers(symbol, interval, kept.bars[0].end, at)})


def until(symbol: str, interval: str, at: datetime, limit: int) -> Bars:
    """The chart up to the last bar that had ended by then."""
    strategies = wiring.strategies()
    size = limit + max(one.window for one in strategies)
    window = wiring.bars().window(symbol, interval, at, size)
    shown = window[-limit:]
    return Bars(
        symbol=symbol,
        interval=interval,
        bars=[_candle(bar) for bar in shown],
        indicators=_indicators(Window.of(symbol, interval, window), len(shown)),
        markers=_markers(symbol, interval, shown[0].end, at) if shown else [],
        price=None,
        price_at=None,
    )


def last_price(symbol: str) -> tuple[float | None, datetime | None]:
    """The last price of a symbol and when it was."""
    heard = wiring.prices().last([symbol]).get(symbol)
    return (None, None) if heard is None else (heard[0], instant(heard[1]))


def _candle(bar: Bar) -> Candle:
    return Candle.model_validate(bar, from_attributes=True)


def _indicators(window: Window, shown: int) -> list[Indicator]:
    if not len(window):
        return []
    from app.steps.tables import as_table  # here, since it brings pandas, and few look at charts

    bars = as_table(window)
    found = []
    for name, strategy in zip(wiring.settings().strategies, wiring.strategies(), strict=True):
        figures = strategy.indicators(bars)
        new = [column for column in figures.columns if column not in COLUMNS]
        found += [
            _indicator(name, column, figures[column].iloc[-shown:], bars["close"].iloc[-shown:]) for column in new
        ]
    return found


def _indicator(strategy: str, name: str, values: "Series[Any]", close: "Series[Any]") -> Indicator:
    told = [float(value) if isfinite(value) else None for value in values]
    return Indicator(strategy=strategy, name=name, place=place(told, list(close)), values=told)


def place(values: Sequence[float | None], closes: Sequence[float]) -> Literal["price", "oscillator", "other"]:
    """With what a figure can be drawn, by the size of it: nothing but its numbers says what it is."""
    known = [(value, close) for value, close in zip(values, closes, strict=True) if value is not None]
    if not known:
        return "other"
    if median(abs(value / close - 1) for value, close in known) < NEAR:
        return "price"
    figures = [value for value, _ in known]
    if min(figures) >= 0 and max(figures) <= 100 and median(figures) > SHARES:
        return "oscillator"
    return "other"


def _markers(symbol: str, interval: str, first_end: datetime, at: datetime) -> list[Marker]:
    span_us = interval_seconds(interval) * 1_000_000
    since = instant(microseconds(first_end) - span_us)
    fills = wiring.listings().fills(symbol, since, at, MOST_MARKERS)
    return [_marker(one, span_us) for one in fills]


def _marker(fill: Filled, span_us: int) -> Marker:
    return Marker(
        at=fill.at,
        bar_end=instant(bar_end_us(microseconds(fill.at), span_us)),
        side=fill.side,
        leg=Leg(fill.leg),
        price=fill.price,
        amount=fill.amount,
        client_order_id=fill.client_order_id,
    )
