"""Which trades a wish to leave is about, and whether anybody listens to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.market import instant_text
from app.domain.orders import TERMINAL, Leg, OrderState
from app.domain.portfolio import Trade, TradeStatus
from app.domain.risk import Check, TradingState
from app.domain.trading import Signal

TOLD_LATE = timedelta(seconds=15)  # a fill of an order that has ended; longer nobody waits with leaving for it


def may_have_sold_more(state: str, ended_at: datetime, at: datetime) -> bool:
    """Whether the venue may still tell of a fill of an exit that has ended with less than it was to sell."""
    return state in TERMINAL and state != OrderState.FILLED and at < ended_at + TOLD_LATE


def is_heard(signal: Signal, state: TradingState) -> bool:
    """Whether a wish to leave counts: while trading is HALTED nobody listens to strategies."""
    return state is not TradingState.HALTED or signal.is_protective or signal.leg is Leg.OPERATOR_EXIT


@dataclass(frozen=True, slots=True)
class Entered:
    """A trade that holds something, or may soon, and the end of the bar on which it was entered."""

    trade: Trade
    bar_end: datetime

    def objection(self, signal: Signal) -> Check | None:
        """Why a wish to leave this symbol is not about this trade; one that names its trade always is."""
        if signal.trade_id is not None:
            return None
        about = {"trade": str(self.trade.id), "strategy": signal.strategy, "entered_by": self.trade.strategy}
        if signal.strategy != self.trade.strategy:
            told = f"trade {self.trade.id} was entered by {self.trade.strategy}, which alone may wish to leave it"
            return Check("other_strategy", told, about)
        if signal.bar_end > self.bar_end:
            return None
        wished, entered = instant_text(signal.bar_end), instant_text(self.bar_end)
        told = f"the bar of {wished} is not newer than the bar of {entered}, on which trade {self.trade.id} was entered"
        return Check("old_exit", told, {**about, "bar_end": wished, "entered_on": entered})


@dataclass(frozen=True, slots=True)
class Leaving:
    """What one wish to leave is about: `trades` are all that it wants left, `trade` the one to sell now.

    Where there is none to sell, `objection` says why.
    """

    trades: tuple[Trade, ...] = ()
    trade: Trade | None = None
    objection: Check | None = None

    @classmethod
    def of(cls, signal: Signal, entered: Sequence[Entered]) -> "Leaving":
        """Of the trades of its symbol, oldest first, those that the signal is about."""
        objections = [one.objection(signal) for one in entered]
        meant = tuple(one.trade for one, objection in zip(entered, objections, strict=True) if objection is None)
        held = next((trade for trade in meant if trade.status is TradeStatus.OPEN), None)
        if held is not None:
            return cls(meant, held)
        if meant:
            told = f"trade {meant[0].id} has bought nothing yet"
            return cls(meant, None, Check("open_trade", told, {"trade": str(meant[0].id)}))
        nothing = Check("open_trade", "there is no open trade to leave", {})
        return cls((), None, next((one for one in objections if one is not None), nothing))
