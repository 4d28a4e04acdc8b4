"""Leave every open trade, by the way that every exit goes; and what is still being bought, as soon as it is."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from app.domain.errors import Missing
from app.domain.market import instant_text, microseconds
from app.domain.orders import Leg
from app.domain.protection import Level
from app.domain.risk import TradingState
from app.steps.exits import exit_signal
from app.steps.ports import HandOn, Ledger, Prices, Signals, Trades

log = structlog.get_logger()

OPERATOR = "operator"


def flatten(
    *, trades: Trades, signals: Signals, prices: Prices, hand_on: HandOn, reason: str, at: datetime
) -> list[str]:
    """Keys of the operator's exits, one for each trade that has no live exit; done twice it is done once.

    A trade that has bought nothing yet has nothing to sell: its exit is refused, and the wish stays with the trade.
    """
    due = [*trades.levels(), *trades.entering()]
    return _leave(due, signals=signals, prices=prices, hand_on=hand_on, reason=reason, at=at)


def _leave(
    levels: Sequence[Level], *, signals: Signals, prices: Prices, hand_on: HandOn, reason: str, at: datetime
) -> list[str]:
    heard = prices.last({level.symbol for level in levels})
    keys: list[str] = []
    for level in levels:
        signal = exit_signal(
            level,
            Leg.OPERATOR_EXIT,
            strategy=OPERATOR,
            price=heard[level.symbol][0] if level.symbol in heard else level.peak,
            reason=reason,
            at=at,
            found_at=at,
            correlation_id=f"flatten-{instant_text(at)}",
        )
        signals.save(signal)
        hand_on.signal(signal.key, signal.correlation_id)
        keys.append(signal.key)
    if keys:
        log.warning("leaving open trades", trades=len(keys), reason=reason)
    return keys


def flatten_while_halted(
    *, wanted: bool, ledger: Ledger, trades: Trades, signals: Signals, prices: Prices, hand_on: HandOn, at: datetime
) -> int:
    """How many exits were sent, none unless it is wanted and trading is HALTED."""
    if not wanted:
        return 0
    try:
        state = ledger.account({}, at).state
    except Missing:  # there is no account yet, and so no trade
        return 0
    if state is not TradingState.HALTED:
        return 0
    told = "trading is halted, and a halt flattens"
    held = [level for level in trades.levels() if not level.rests(microseconds(at))]
    new = [level for level in held if level.wish is None]  # sweep_exits goes on with the others
    due = [*new, *trades.entering()]
    return len(_leave(due, signals=signals, prices=prices, hand_on=hand_on, reason=told, at=at))
