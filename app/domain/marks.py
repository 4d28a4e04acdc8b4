"""What positions are worth: at the newest price that is known of each symbol, and how old that is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from app.domain.portfolio import Mark, Trade, TradeStatus
from app.domain.risk import ZERO

OLDEST = timedelta(minutes=5)  # so long a market may be quiet; then it is not known any more what it says


@dataclass(frozen=True, slots=True)
class Valuation:
    """What is held, in quote currency, and the marks it was valued at by symbol.

    `old` are symbols of open trades whose price is not known now, by the age of the last that was: nothing was heard of
    them that is not forgotten again, or nothing within OLDEST.
    """

    exposure: Decimal = ZERO
    marks: Mapping[str, Mark] = field(default_factory=dict)
    old: Mapping[str, timedelta] = field(default_factory=dict)


def valued(trades: Iterable[Trade], heard: Mapping[str, Mark], at: datetime) -> Valuation:
    """The trades at the newest of what was heard and what was written down with them, never at an older price.

    So a price that is lost changes nothing but that it counts as old. What is heard is no newer than `at`: a time that
    a venue has wrong must not hold against all that is heard later. What is written down may be: then who heard this
    was overtaken before he valued it, and it is the past.
    """
    held = [trade for trade in trades if trade.left]
    marks: dict[str, Mark] = {}
    for trade in held:
        told = heard.get(trade.symbol)
        known = (None if told is None else _not_after(at, told), marks.get(trade.symbol), trade.last_mark)
        marks[trade.symbol] = max(filter(None, known), key=lambda one: one.at)
    exposure = sum((trade.value(marks[trade.symbol].price) for trade in held), ZERO)
    open_ = {trade.symbol for trade in held if trade.status is not TradeStatus.CLOSED}  # dust waits for no price
    ages = {symbol: at - marks[symbol].at for symbol in sorted(open_)}
    old = {symbol: age for symbol, age in ages.items() if symbol not in heard or age > OLDEST}
    return Valuation(exposure, marks, old)


def _not_after(at: datetime, mark: Mark) -> Mark:
    return mark if mark.at <= at else Mark(mark.price, at)
