"""Fill the windows' past from the venue: once when the farm starts, and wherever a bar was not heard whole."""

from collections.abc import Callable, MutableSet, Sequence
from datetime import datetime, timedelta

import structlog

from app.domain.errors import Refused, Unavailable
from app.domain.market import EPOCH, interval_seconds
from app.steps.ports import Bars, Market

log = structlog.get_logger()

SETTLED = timedelta(seconds=2)  # how far the venue's answers may lag behind its market

Wanted = tuple[str, str, datetime, datetime]


def warm_windows(
    *,
    market: Market,
    bars: Bars,
    symbols: Sequence[str],
    intervals: Sequence[str],
    size: int,
    asked: MutableSet[tuple[str, str]],
    window_changed: Callable[[str, str], None],
    at: datetime,
    limit: int = 50,
) -> int:
    """How many bars were new; asks the venue `limit` times at most.

    `size` is the longest window in bars. `asked` remembers, as long as the process lives, of which symbol and
    interval the past was asked for; `window_changed` makes a cached window be read from the database again.
    """
    gaps = [one for interval in intervals for one in _gaps(bars, symbols, interval, size, at)]
    pasts = [one for interval in intervals for one in _pasts(symbols, interval, size, asked, at)]
    saved = 0
    for wanted in (gaps + pasts)[:limit]:
        try:
            saved += _fill(wanted, market, bars, window_changed)
        except Unavailable as error:
            log.warning("warm-up waits for the venue", symbol=wanted[0], reason=str(error))
            return saved
        except Refused as error:
            log.warning("venue has no past of a symbol", symbol=wanted[0], reason=str(error))
        if wanted in pasts:
            asked.add(wanted[:2])
    return saved


def _fill(wanted: Wanted, market: Market, bars: Bars, window_changed: Callable[[str, str], None]) -> int:
    symbol, interval, since, until = wanted
    saved = bars.save(market.bars(symbol, interval, since, until))
    if saved:
        window_changed(symbol, interval)
    return saved


def _gaps(bars: Bars, symbols: Sequence[str], interval: str, size: int, at: datetime) -> list[Wanted]:
    """One stretch per symbol, from its first bar that is not whole to its last: what lies between may be missing."""
    span = timedelta(seconds=interval_seconds(interval))
    stretches: dict[str, Wanted] = {}
    for gap in bars.gaps(interval, at - size * span, limit=10 * len(symbols)):
        if gap.symbol not in symbols or gap.end > at - SETTLED:
            continue
        _, _, since, until = stretches.get(gap.symbol, (gap.symbol, interval, gap.end, gap.end))
        stretches[gap.symbol] = gap.symbol, interval, min(since, gap.end - span), max(until, gap.end)
    return list(stretches.values())


def _pasts(
    symbols: Sequence[str], interval: str, size: int, asked: MutableSet[tuple[str, str]], at: datetime
) -> list[Wanted]:
    """The whole window of each symbol that was not asked for, but for its newest bar: whoever heard that one has it."""
    span = timedelta(seconds=interval_seconds(interval))
    until = at - (at - EPOCH) % span - span
    return [(one, interval, until - size * span, until) for one in symbols if (one, interval) not in asked]
