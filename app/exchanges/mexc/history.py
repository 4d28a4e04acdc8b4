"""MEXC's past: its klines and prints as bars and ticks."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import structlog

from app.domain.market import Bar, Tick, bar_end_us, flaw, instant, interval_seconds, microseconds

log = structlog.get_logger()


def kline(symbol: str, interval: str, row: Sequence[Any]) -> Bar | None:
    """A kline as a bar; None if nothing traded in it."""
    volume = float(row[5])
    if volume <= 0:
        return None
    opened, high, low, close = (float(figure) for figure in row[1:5])
    end = instant((int(row[0]) + interval_seconds(interval) * 1000) * 1000)
    return Bar(symbol, interval, end, opened, high, low, close, volume, ticks=0)


def dated(symbol: str, rows: Sequence[Mapping[str, Any]]) -> list[Tick]:
    """MEXC's prints as ticks, oldest first; those of one millisecond are told apart by microseconds, as in the feed."""
    if rows and int(rows[0]["T"]) > int(rows[-1]["T"]):
        rows = rows[::-1]
    ticks: list[Tick] = []
    last_us = 0
    for row in sorted(rows, key=lambda one: int(one["T"])):
        last_us = max(int(row["T"]) * 1000, last_us + 1)
        tick = Tick(symbol, last_us, float(row["p"]), float(row["q"]), "sell" if row["m"] in (True, "true") else "buy")
        objection = flaw(tick)
        if objection is None:
            ticks.append(tick)
        else:
            log.warning("print left out", symbol=symbol, objection=objection)
    return ticks


def bars_of(ticks: Iterable[Tick], interval: str, since: datetime, until: datetime) -> list[Bar]:
    """The bars that lie wholly within [since, until], made from ticks in order; none where nothing traded."""
    span_us = interval_seconds(interval) * 1_000_000
    first_us, last_us = microseconds(since), microseconds(until)
    return [
        _bar(list(group), interval, end_us)
        for end_us, group in groupby(ticks, key=lambda tick: bar_end_us(tick.time_us, span_us))
        if end_us - span_us >= first_us and end_us <= last_us
    ]


def _bar(ticks: Sequence[Tick], interval: str, end_us: int) -> Bar:
    prices = [tick.price for tick in ticks]
    return Bar(
        symbol=ticks[0].symbol,
        interval=interval,
        end=instant(end_us),
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=sum(tick.quantity for tick in ticks),
        ticks=len(ticks),
    )
