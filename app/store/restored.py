"""What a restored database is told before a farm trades on it, and what is to be known of the one that it replaces."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.domain.letters import DeadLetter
from app.domain.risk import TradingState
from app.store.account import change_state
from app.store.audits import audit
from app.store.books import Books
from app.store.database import Database
from app.store.dead_letters import Letters
from models import THE_ACCOUNT, AccountRow

EVENT = "database.restored"


@dataclass(frozen=True, slots=True)
class Standing:
    """A trading state, and why it is so."""

    state: TradingState
    reason: str


def standing(database: Database) -> Standing | None:
    """The trading state of a database; None before there is an account."""
    with database.reading() as session:
        row = session.get(AccountRow, THE_ACCOUNT)
        return None if row is None else Standing(TradingState(row.trading_state), row.state_reason)


def begin_anew(
    copy: Database, *, name: str, before: Standing | None, letters: Iterable[DeadLetter], by: str, at: datetime
) -> TradingState | None:
    """Nothing is reconciled, nothing is entered until a person says so, letters are kept; audited.

    Trading stays HALTED if it was in the backup, or `before` in the database that is replaced. The state that holds
    now, or None before there is an account.
    """
    Books(copy).forget()
    for letter in letters:
        Letters(copy).keep(letter)
    with copy.writing() as session:
        audit(session, EVENT, "backup", {"backup": name, "by": by}, at)
        row = session.get(AccountRow, THE_ACCOUNT, with_for_update=True)
        if row is None:
            return None
        state, reason = _state(Standing(TradingState(row.trading_state), row.state_reason), before)
        change_state(session, row, state, f"the backup {name} was restored{reason}", by, at)
        return state


def _state(kept: Standing, before: Standing | None) -> tuple[TradingState, str]:
    for one in (before, kept):
        if one is not None and one.state is TradingState.HALTED:
            return TradingState.HALTED, f"; it was halted before: {one.reason}"
    return TradingState.REDUCING, ""
