"""Ask every strategy about every bar that has closed, keep each signal, and hand it on to the risk queue."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from app.domain.market import BarClose, interval_seconds
from app.domain.orders import Leg, Side
from app.domain.trading import Signal, Wish, signal_key
from app.domain.window import Window
from app.steps.events import signal_event
from app.steps.ports import Announce, HandOn, Resting, Signals, Windows, WindowsAhead
from app.strategies import Strategy

log = structlog.get_logger()

NAMED = 3  # bars by their names in a failure's text; all of them are in the call


class FindFailed(Exception):
    """Some bars could not be searched; all others of the batch were. `closes` are those to try again, `reason` the
    newest failure in words."""

    def __init__(self, closes: Sequence[BarClose], reason: str) -> None:
        super().__init__(closes, reason)
        self.closes = closes
        self.reason = reason

    def __str__(self) -> str:
        many = len(self.closes)
        names = ", ".join("/".join(close) for close in self.closes[:NAMED])
        more = f" and {many - NAMED} more" if many > NAMED else ""
        return f"no search in {many} {'bar' if many == 1 else 'bars'}: {self.reason}; {names}{more}"


class NoBar(LookupError):
    """The window does not end with the bar that has closed."""


def find_signals(
    closes: Sequence[Sequence[str]],
    *,
    frame: str,
    received_us: int,
    windows: Windows,
    strategies: Sequence[Strategy],
    signals: Signals,
    searched: Resting[BarClose],
    worth: timedelta,
    hand_on: HandOn,
    announce: Announce,
    at: datetime,
) -> list[str]:
    """Keys of the signals found; FindFailed at the end if a bar could not be searched.

    `frame` names the frame of ticks that closed the bars and becomes the correlation id, `received_us` is when it
    came in, and `worth` how long a close may give an order: the sweep asks for it so long. Every signal is kept and
    handed on, a SELL without a position too: refusing it is the risk's business.
    """
    found: list[str] = []
    done: list[BarClose] = []
    failed: list[BarClose] = []
    reason: Exception | None = None
    groups = _by_window(closes)
    ahead = windows.ahead([group[-1] for group in groups])
    for group in groups:
        try:
            for signal in _search(group, frame, received_us, ahead, strategies, at):
                _keep(signal, signals, hand_on, announce, at)
                found.append(signal.key)
        except Exception as error:
            log.exception(
                "no search in a window", symbol=group[-1].symbol, interval=group[-1].interval, bars=len(group)
            )
            failed += group
            reason = error
        else:
            done += group
    searched.quiet(done, at, at + 2 * worth)
    if failed:
        raise FindFailed(failed, f"{type(reason).__name__}: {reason}") from reason
    return found


def _by_window(closes: Sequence[Sequence[str]]) -> list[list[BarClose]]:
    """The closes of each symbol and interval, oldest first: what has piled up is computed once for all of them."""
    groups: dict[tuple[str, str], list[BarClose]] = {}
    for close in (BarClose(*names) for names in closes):
        groups.setdefault((close.symbol, close.interval), []).append(close)
    return [sorted(group, key=lambda close: close.end) for group in groups.values()]


def _keep(signal: Signal, signals: Signals, hand_on: HandOn, announce: Announce, at: datetime) -> None:
    if signals.save(signal):
        announce("trading_signals", "signals", signal_event(signal), at)
    hand_on.signal(signal.key, signal.correlation_id)  # known ones too: the first time may have died before this line


def _search(
    closes: Sequence[BarClose],
    frame: str,
    received_us: int,
    windows: WindowsAhead,
    strategies: Sequence[Strategy],
    at: datetime,
) -> Iterator[Signal]:
    from app.steps.tables import as_table, two_rows  # here, since every worker imports all tasks, and few search

    span = _bars_between(closes[0], closes[-1])
    for strategy in strategies:
        window = windows.read(closes[-1], strategy.window + span)
        rows = strategy.indicators(as_table(window)) if len(window) else None
        for close in closes:
            place = window.place(datetime.fromisoformat(close.end))
            if place is None or rows is None:
                raise NoBar(f"the window of {close.symbol} {close.interval} has no bar that ends at {close.end}")
            before, now = two_rows(rows, place)
            wish = strategy.decide(now, before)
            if wish is not None:
                seen = window.part(max(0, place + 1 - strategy.window), place + 1)
                yield _signal(strategy, wish, seen, (before, now), frame, received_us, at)


def _bars_between(first: BarClose, last: BarClose) -> int:
    """How many bars may have closed after the first up to the last: those that wait need not follow each other."""
    length = datetime.fromisoformat(last.end) - datetime.fromisoformat(first.end)
    return round(length / timedelta(seconds=interval_seconds(last.interval)))


def _signal(
    strategy: Strategy,
    wish: Wish,
    window: Window,
    decided_on: tuple[Mapping[str, float], Mapping[str, float]],
    frame: str,
    received_us: int,
    at: datetime,
) -> Signal:
    before, now = (_known(row) for row in decided_on)
    bar, name = window.bar(-1), type(strategy).__module__.rpartition(".")[2]
    return Signal(
        key=signal_key(name, strategy.version, bar.symbol, bar.interval, bar.end, wish.side),
        strategy=name,
        version=strategy.version,
        symbol=bar.symbol,
        interval=bar.interval,
        bar_end=bar.end,
        leg=Leg.ENTRY if wish.side is Side.BUY else Leg.STRATEGY_EXIT,
        side=wish.side,
        strength=wish.strength,
        reason=wish.reason,
        price=bar.close,
        found_at=at,
        bar_fingerprint=bar.fingerprint,
        indicators=now,
        indicators_before=before,
        window_bars=len(window),
        window_since=window.bar(0).end,
        window_whole=window.whole,
        correlation_id=frame,
        tick_received_us=received_us,
    )


def _known(row: Mapping[str, float]) -> dict[str, float]:
    """What a young window does not know yet is left out: no database keeps it."""
    return {figure: value for figure, value in row.items() if math.isfinite(value)}
