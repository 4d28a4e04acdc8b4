"""Find symbols whose bars have ceased though their market goes on, tell it, and ask the venue for what is missing."""

from collections.abc import Callable, Container, Iterator, MutableMapping, Sequence
from datetime import datetime, timedelta

import structlog

from app.domain.errors import Refused, Unavailable
from app.domain.history import Outdated, late_before, settled_until, span_of
from app.steps.history_alarm import Alarm, traded
from app.steps.ports import Bars, Market

log = structlog.get_logger()

Quiet = MutableMapping[tuple[str, str], datetime]


def check_history(
    *,
    market: Market,
    bars: Bars,
    alarm: Alarm,
    symbols: Sequence[str],
    intervals: Sequence[str],
    size: int,
    asked: Container[tuple[str, str]],
    quiet: Quiet,
    window_changed: Callable[[str, str], None],
    limit: int = 20,
) -> int:
    """How many bars came from the venue; asks it about `limit` symbols at most.

    A symbol that does not trade makes no bars: only the venue can tell it from one that nobody hears. `quiet`
    remembers, as long as the process lives, until when a market that was found to be so need not be looked at again.
    Only windows whose past was told (`asked`) are looked at; the others are the warm-up's business.
    """
    silent = [
        one
        for interval in intervals
        for one in _silent(bars, alarm, symbols, interval, size)
        if one in asked and alarm.at >= quiet.get(one, alarm.at)
    ]
    saved = 0
    for symbol, interval in silent[:limit]:
        newest = _newest(bars, alarm, symbol, interval, size)
        try:
            saved += _look(symbol, interval, newest, market, bars, alarm, quiet, window_changed)
        except Unavailable as error:
            log.warning("history waits for the venue", symbol=symbol, reason=str(error))
            return saved
        except Refused as error:
            log.warning("venue has no past of a symbol", symbol=symbol, reason=str(error))
            _rest(quiet, symbol, interval, newest, alarm.at)
    return saved


def _silent(bars: Bars, alarm: Alarm, symbols: Sequence[str], interval: str, size: int) -> Iterator[tuple[str, str]]:
    """Symbols without a bar of late; alarms of those that make bars again are ended."""
    heard = bars.heard(interval, late_before(interval, alarm.at))
    told = alarm.histories.all()
    for symbol in symbols:
        known = told.get(f"{symbol} {interval}")
        if symbol not in heard:
            yield symbol, interval
        elif known is not None and _newest(bars, alarm, symbol, interval, size) > known.newest:
            alarm.end(known.name)


def _newest(bars: Bars, alarm: Alarm, symbol: str, interval: str, size: int) -> datetime:
    """The end of its newest bar, no longer ago than a window of `size` bars reaches."""
    oldest = settled_until(interval, alarm.at) - size * span_of(interval)
    last = bars.window(symbol, interval, alarm.at, 1)
    return max(last[-1].end, oldest) if last else oldest


def _look(
    symbol: str,
    interval: str,
    newest: datetime,
    market: Market,
    bars: Bars,
    alarm: Alarm,
    quiet: Quiet,
    window_changed: Callable[[str, str], None],
) -> int:
    until = settled_until(interval, alarm.at)
    missing = market.bars(symbol, interval, newest, until)
    saved = bars.save(missing)
    if saved:
        window_changed(symbol, interval)
        reason = f"bars were missing and came from the venue: {saved}"
        alarm.rise(Outdated(symbol, interval, missing[-1].end, reason), newest)
    elif traded(market, symbol, newest, until):
        reason = "the venue's own klines end there, though it has traded since"
        alarm.rise(Outdated(symbol, interval, newest, reason), newest)
    else:
        alarm.end(f"{symbol} {interval}")
        _rest(quiet, symbol, interval, newest, alarm.at)
    return saved


def _rest(quiet: Quiet, symbol: str, interval: str, newest: datetime, at: datetime) -> None:
    """The longer nothing has happened, the longer the next look can wait."""
    quiet[symbol, interval] = at + max(at - newest, timedelta())
