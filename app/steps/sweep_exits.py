"""Ask again for the exits that came to nothing: what is to be left is left, though its market is silent."""

from datetime import datetime

import structlog

from app.domain.market import microseconds
from app.steps.exits import asked_again
from app.steps.ports import HandOn, Prices, Signals, Trades

log = structlog.get_logger()


def sweep_exits(*, trades: Trades, signals: Signals, prices: Prices, hand_on: HandOn, at: datetime) -> int:
    """How many exits were asked for again, each after its rest, at the price that was heard last.

    The next tick does the same, most often sooner: whoever comes second finds the name taken. What is found and not
    decided, `sweep` sends on.
    """
    due = [(one, one.wish) for one in trades.levels() if one.wish is not None and not one.rests(microseconds(at))]
    heard = prices.last({level.symbol for level, _ in due})
    asked = 0
    for level, wish in due:
        price = heard[level.symbol][0] if level.symbol in heard else wish.price
        signal = asked_again(level, wish, price=price, at=at, found_at=at)
        if signals.save(signal):
            hand_on.signal(signal.key, signal.correlation_id)
            asked += 1
    if asked:
        log.info("exits are asked for again", exits=asked)
    return asked
