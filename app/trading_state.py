"""A person changes the trading state, or leaves all trades: the same by command, by page and by program.

Who and why are audited. Nothing here asks whether it is meant; that is for whoever calls.
"""

from dataclasses import dataclass
from decimal import Decimal

from app import wiring
from app.domain.risk import TradingState
from app.steps import flatten as flattening
from app.steps.ports import HandOn
from app.steps.withdraw_entries import withdraw_entries


class IsStricter(Exception):
    """Trading is HALTED, and what was asked for would loosen it without saying so."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The day's opening equity and high from which losses count, in quote currency."""

    day_open: Decimal
    day_high: Decimal


def halt(reason: str, by: str) -> int:
    """Only protective and operator exits go on; how many entries were withdrawn.

    What the venue does not answer for, the farm asks again.
    """
    wiring.ledger().set_state(TradingState.HALTED, reason, by, wiring.now())
    return withdraw_entries(ledger=wiring.ledger(), orders=wiring.orders(), trading=wiring.trading(), at=wiring.now())


def reduce(reason: str, by: str) -> None:
    """Nothing is entered any more; IsStricter while trading is HALTED."""
    if is_halted():
        raise IsStricter("Trading is HALTED, which is stricter")
    wiring.ledger().set_state(TradingState.REDUCING, reason, by, wiring.now())


def resume(reason: str, by: str) -> Marks | None:
    """Trade again, from these marks; None if trading was ACTIVE, and then nothing is changed."""
    if wiring.ledger().account({}, wiring.now()).state is TradingState.ACTIVE:
        return None
    return Marks(*wiring.ledger().resume(reason, by, wiring.breaker(), wiring.now()))


def is_halted() -> bool:
    """Whether trading is HALTED; NotOpenYet before there is an account."""
    return wiring.ledger().account({}, wiring.now()).state is TradingState.HALTED


def leave_trades(reason: str) -> int:
    """Ask for an exit of every open trade that has none under way, and tell how many trades are left.

    Trading is to be halted first. Asked again and again it goes on with what came to nothing.
    """
    flattening.flatten(
        trades=wiring.trades(),
        signals=wiring.signals(),
        prices=wiring.prices(),
        hand_on=hand_on(),
        reason=reason,
        at=wiring.now(),
    )
    seen = wiring.reports().summary()
    return seen.trades_open + seen.trades_pending  # an entry that is unclear may still turn out to have bought


def hand_on() -> HandOn:
    """Celery's; imported late, because that reads the settings, and what is wrong with them is for others to tell."""
    from tasks import orders, risk  # noqa: F401 - an exit is sent to them
    from tasks._hand_on import hand_on as celerys

    return celerys()
