"""Fill the windows' past from the venue: once when the farm starts, and wherever a bar was not heard whole."""

from collections.abc import Callable, MutableSet, Sequence
from datetime import datetime, timedelta

import structlog

from app.domain.errors import Refused, Unavailable
from app.domain.history import Outdated, settled_until, span_of
from app.domain.market import Bar
from app.steps.history_alarm import Alarm, traded
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
    alarm: Alarm,
    at: datetime,
    limit: int = 50,
) -> int:
    """How many bars were new; asks the venue `limit` times at most.

    `size` is the longest window in bars. `asked` remembers, as long as the process lives, of which symbol and
    interval the past was told up to its end; until then it is asked for again, and gaps in it stay. `window_changed`
    makes a cached window be read from the database again.
    """
    gaps = [one for interval in intervals for one in _gaps(bars, symbols, interval, size, at) if one[:2] in asked]
    pasts = [one for interval in intervals for one in _pasts(symbols, interval, size, asked, at)]
    saved = 0
    for wanted in (gaps + pasts)[:limit]:
        told = True
        try:
            answer = market.bars(*wanted)
            saved += _keep(answer, wanted, bars, window_changed)
            told = wanted not in pasts or _is_told(answer, wanted, market, alarm)
        except Unavailable as error:
            log.warning("warm-up waits for the venue", symbol=wanted[0], reason=str(error))
            return saved
        except Refused as error:
            log.warning("venue has no past of a symbol", symbol=wanted[0], reason=str(error))
        if wanted in pasts and told:
            asked.add(wanted[:2])
    return saved


def _keep(answer: Sequence[Bar], wanted: Wanted, bars: Bars, window_changed: Callable[[str, str], None]) -> int:
    saved = bars.save(answer)
    if saved:
        window_changed(*wanted[:2])
    return saved


def _is_told(answer: Sequence[Bar], wanted: Wanted, market: Market, alarm: Alarm) -> bool:
    """Whether the venue's past goes up to its end; if it stops before, though there was trade, windows have a hole."""
    symbol, interval, since, until = wanted
    newest = answer[-1].end if answer else since
    one = Outdated(symbol, interval, newest, "the venue's klines end there, though it traded after it", past=True)
    if newest < until and traded(market, symbol, newest, until):
        alarm.rise(one, newest)
        return False
    alarm.end(one.name)
    return True


def _gaps(bars: Bars, symbols: Sequence[str], interval: str, size: int, at: datetime) -> list[Wanted]:
    """One stretch per symbol, from its first bar that is not whole to its last: what lies between may be missing."""
    span, known = span_of(interval), frozenset(symbols)
    stretches: dict[str, Wanted] = {}
    for gap in bars.gaps(interval, at - size * span, limit=10 * len(symbols)):
        if gap.symbol not in known or gap.end > at - SETTLED:
            continue
        _, _, since, until = stretches.get(gap.symbol, (gap.symbol, interval, gap.end, gap.end))
        stretches[gap.symbol] = gap.symbol, interval, min(since, gap.end - span), max(until, gap.end)
    return list(stretches.values())


def _pasts(
    symbols: Sequence[str], interval: str, size: int, asked: MutableSet[tuple[str, str]], at: datetime
) -> list[Wanted]:
    """The whole window of each symbol that was not asked for, but for its newest bar: whoever heard that one has it."""
    until = settled_until(interval, at)
    return [(one, interval, until - size * span_of(interval), until) for one in symbols if (one, interval) not in asked]
