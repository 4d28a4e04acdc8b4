"""What the steps need from the database."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from app.domain.balances import Balances
from app.domain.letters import DeadLetter, KeptLetter
from app.domain.looks import Cursor
from app.domain.market import Bar, BarClose, Instrument, Tick
from app.domain.orders import Fill, Order, Report
from app.domain.portfolio import Mark, Trade
from app.domain.protection import Level, Protection
from app.domain.reconciliation import Difference, Ours, Snapshot, VenueFill, VenueOrder
from app.domain.risk import Account, Breaker, Check, TradingState
from app.domain.sealing import Head
from app.domain.trading import Signal
from app.domain.unprotected import Held, Spell


class Bars(Protocol):
    """Closed bars in the database."""

    def save(self, bars: Sequence[Bar]) -> int:
        """Store bars and return how many were new; one that is there stays, unless it was not whole and this is."""
        ...

    def window(self, symbol: str, interval: str, until: datetime, size: int) -> list[Bar]:
        """The last `size` bars that end at or before `until`, oldest first."""
        ...

    def heard(self, interval: str, since: datetime) -> set[str]:
        """Symbols with a bar that ended after `since`."""
        ...

    def gaps(self, interval: str, since: datetime, limit: int) -> list[Bar]:
        """Bars that are not whole, newest first."""
        ...

    def closes(self, since: datetime, until: datetime, limit: int) -> list[BarClose]:
        """Names of the bars with since < end <= until, oldest first."""
        ...


class Ticks(Protocol):
    """Raw ticks in the database (`market_data`)."""

    def archive(self, ticks: Sequence[Tick], source: str) -> int:
        """Store ticks in bulk and return how many were new; twice is once."""
        ...


class Signals(Protocol):
    """Signals in the database (`trading_signals`)."""

    def save(self, signal: Signal) -> bool:
        """Store a signal; False if its key was there."""
        ...

    def get(self, key: str) -> Signal:
        """The signal, or Missing."""
        ...

    def expire(self, key: str, check: Check, at: datetime) -> bool:
        """Refuse a signal that nobody has decided, with the check on record; False if it has become an order.

        Takes no lock but the signal's own.
        """
        ...

    def refusal(self, key: str) -> str | None:
        """Why a signal was refused or has expired; None if it was not, or Missing."""
        ...

    def undecided(self, found_before: datetime, limit: int) -> list[str]:
        """Keys of signals that nobody has approved, refused or expired, oldest first."""
        ...


class Instruments(Protocol):
    """The venue's rules per symbol, as last read from it."""

    def save(self, instruments: Sequence[Instrument], markets: Mapping[str, Mapping[str, Any]], at: datetime) -> None:
        """Replace the snapshot; `markets` are the venue client's own records, by symbol.

        What was traded and is not listed any more keeps its rules, for what comes late: it can only not be traded.
        """
        ...

    def get(self, symbol: str) -> Instrument:
        """One symbol's rules, or Missing."""
        ...

    def all(self) -> list[Instrument]:
        """Every symbol's rules."""
        ...

    def markets(self) -> dict[str, dict[str, Any]]:
        """The venue client's own records, by symbol."""
        ...

    def restrict(self, symbol: str, what: str, reason: str, at: datetime) -> None:
        """Hold `market_orders` or `tradable` for no, until the snapshot is replaced; audited."""
        ...


class Decision(Protocol):
    """One signal under the account's lock; everything it is told commits together, or nothing."""

    signal: Signal
    account: Account
    order: Order | None  # the order that this signal has already become
    refused: bool  # whether it was refused or expired before
    trade: Trade | None  # the trade that an exit would leave, as it was before this decision
    nothing_to_leave: Check | None  # why an exit has no such trade; None for an entry
    out_since: datetime | None  # the newest bar on which its strategy wished to leave, of an entry on an older bar
    exit_is_live: bool  # whether that trade has a live exit order
    past_exits: int  # how many exit orders it has had
    exit_was_refused: bool  # whether the venue said a clear no to the last of them
    has_waited: bool  # whether an exit has come to nothing since that no
    of_others: Decimal  # what other trades hold, while an exit of this one may have sold more than was told; else zero

    def trip(self, state: TradingState, reason: str) -> None:
        """Make the trading state stricter; `account` shows it at once."""
        ...

    def record(self, checks: Iterable[Check]) -> None:
        """Keep the checks as `risk_events`, of the trade that is left or that was opened for the signal before."""
        ...

    def open_trade(self, strategy: str) -> int:
        """A new pending trade of the signal's symbol; returns its id."""
        ...

    def leave(self) -> None:
        """Keep with every trade that this exit is about that it is to be left; the first wish stays.

        About the trade that it names; or about those that its strategy entered on an older bar, also what has bought
        nothing yet.
        """
        ...

    def approve(self, order: Order) -> None:
        """Keep the order, approved, with its reservation."""
        ...

    def refuse(self, reason: str) -> None:
        """Close the signal without an order."""
        ...

    def differs(self, difference: Difference) -> None:
        """Keep on record what the venue says otherwise, as a reconciliation does."""
        ...

    def close_as_dust(self) -> None:
        """End `trade` though it holds something: the venue lets nobody sell so little."""
        ...


class Ledger(Protocol):
    """The account and its lock."""

    def deciding(self, signal_key: str, marks: Mapping[str, Mark], at: datetime) -> AbstractContextManager[Decision]:
        """Lock the account, roll its day, value it at `marks` (quote per base), and decide one signal.

        Of a symbol without a mark, or with an older one, the last that was written down counts. Commits on leaving,
        rolls back on an exception. Missing if there is no such signal.
        """
        ...

    def open_account(self, cash: Decimal, at: datetime) -> bool:
        """Create the account with its first cash; False if there is one."""
        ...

    def account(self, marks: Mapping[str, Mark], at: datetime) -> Account:
        """The account as it stands, without locking it."""
        ...

    def mark(self, marks: Mapping[str, Mark], at: datetime, breaker: Breaker | None = None) -> Account:
        """Value the account, roll its day, raise its high, and keep the marks and a row of `equity`; what was valued.

        The stricter trading state that `breaker` demands of it is set in the same transaction. At old marks
        (`Account.old_marks`) the day is not rolled, its high not raised, and nothing demanded.
        """
        ...

    def set_state(self, state: TradingState, reason: str, by: str, at: datetime) -> None:
        """Change the trading state, audited."""
        ...

    def resume(self, reason: str, by: str, breaker: Breaker, at: datetime) -> tuple[Decimal, Decimal]:
        """ACTIVE again, audited; the day's opening equity and high from which losses count from now on.

        Valued as it was last marked. What would trip the breaker again at once is re-based (`Breaker.rebased`).
        """
        ...

    def held(self) -> list[str]:
        """Symbols with a position, a pending trade or a live order."""
        ...


class Orders(Protocol):
    """Orders, their executions and their trades in the database; each method is one transaction."""

    def get(self, client_order_id: str) -> Order:
        """The order, or Missing."""
        ...

    def claim(
        self, client_order_id: str, *, at: datetime, lease: timedelta, acceptable_until: datetime | None = None
    ) -> Order | None:
        """approved → submitting for whoever comes first (with `claimed_at = at`); None for everyone else.

        The trading state is read in the same transaction: an entry that it no longer allows expires.
        """
        ...

    def release(self, order: Order, reason: str, at: datetime) -> Order:
        """submitting or unknown → approved: it was proved that the venue has not got it."""
        ...

    def accept(self, order: Order, exchange_order_id: str, at: datetime) -> Order:
        """submitting or unknown → open."""
        ...

    def doubt(self, order: Order, reason: str, at: datetime) -> Order:
        """submitting → unknown; its reservation is held."""
        ...

    def hold(self, order: Order, reason: str, at: datetime) -> bool:
        """An unknown order stays so, with its reservation, until a person has looked; the reason is audited once.

        False if that was said before, or the order is not unknown any more.
        """
        ...

    def hear(self, order: Order, answer: str, said: str, at: datetime) -> None:
        """Keep on record what the venue answered, in a word and in its own, about an order that is unknown.

        Once until it answers something else; nothing if the order is not unknown any more.
        """
        ...

    def reject(self, order: Order, reason: str, at: datetime) -> Order:
        """→ rejected; the reservation is released, a pending trade becomes void."""
        ...

    def expire(self, order: Order, reason: str, at: datetime) -> Order:
        """approved or unknown → expired; as reject."""
        ...

    def settle(
        self, order: Order, report: Report, *, instrument: Instrument, protection: Protection, at: datetime
    ) -> Order:
        """Book what the venue says: new fills (once each), cash, the trade and its levels, the order's state."""
        ...

    def book_fills(
        self,
        client_order_id: str,
        fills: Sequence[Fill],
        *,
        ended: bool,
        instrument: Instrument,
        protection: Protection,
        at: datetime,
    ) -> Order:
        """Book fills of an order (once each) of which nothing else is known but whether it has `ended` with them.

        One that counted as absent is at the venue after all, and is not sent again.
        """
        ...

    def live_entries(self) -> list[Order]:
        """Entries that may still buy something, oldest first."""
        ...

    def left_behind(self, at: datetime, patience: timedelta, limit: int) -> list[Order]:
        """Live orders that nobody has touched for `patience`, or whose lease ran out, oldest first."""
        ...


class Books(Protocol):
    """Our books, to be compared with the venue's."""

    def read(self, at: datetime, moves_since: datetime | None = None) -> Snapshot:
        """Our books in one moment, with what was traded within a month of `at` (or of the last look).

        The moves are those of fills since `moves_since`, by the venue's time; none without it.
        """
        ...

    def matching(self, shown: Sequence[VenueOrder], fills: Sequence[VenueFill]) -> Ours:
        """What our books hold of the orders and fills that the venue has shown."""
        ...

    def keep(
        self,
        differences: Iterable[Difference],
        at: datetime | None,
        *,
        cursors: Iterable[Cursor] = (),
        balances: Balances | None = None,
    ) -> None:
        """Keep what a run has found, how far it came, and balances that are still to be compared, or none.

        `at` is up to when the books were found to agree otherwise, None if they were not.
        """
        ...

    def forget(self) -> None:
        """Nothing is reconciled since the start: no entry until it is again. How far each look came stays."""
        ...

    def adopt(self, cash: Decimal, reason: str, by: str, at: datetime) -> Decimal | None:
        """Set the cash and the day's marks by as much, audited; returns what it was, None while an order is live."""
        ...

    def accept_gaps(self, reason: str, by: str, at: datetime) -> list[str]:
        """A person has looked at what the venue does not tell any more, audited; the symbols of these gaps."""
        ...


class Trades(Protocol):
    """Trades in the database."""

    def levels(self) -> list[Level]:
        """The protective levels of every open trade without a live exit order.

        `attempt` counts its past exits and the signals naming it that were refused; it rests longer after each. `wish`
        is the signal that first wanted it left.
        """
        ...

    def entering(self) -> list[Level]:
        """A level without prices for every trade that has bought nothing yet and is not to be left.

        Its `peak` is the price of the signal that it was entered for.
        """
        ...

    def raise_peaks(self, peaks: Mapping[int, Decimal]) -> None:
        """Keep new highs of open trades, by trade id; never lowers one."""
        ...

    def watched(self) -> list[Held]:
        """Open trades that hold something, and those that were closed while they were not protected."""
        ...

    def keep_spells(self, spells: Mapping[int, Spell]) -> None:
        """Keep for how long trades were not protected, by trade id."""
        ...


class Audits(Protocol):
    """The record of what was decided and done."""

    def write(self, event: str, service: str, data: Mapping[str, Any], at: datetime) -> None:
        """Append a row; figures with a point become text."""
        ...

    def seal(self, limit: int, at: datetime) -> int:
        """Seal so many of the rows that wait, in one transaction; how many there were."""
        ...

    def head(self) -> Head:
        """Where the chain of sealed rows ends."""
        ...


class Letters(Protocol):
    """Dead letters in the database."""

    def keep(self, letter: DeadLetter) -> bool:
        """Keep a letter, waiting; False if it is there.

        Then one that repeats has come once more, whatever was done about it, and one whose re-run has failed, which
        counts once a run, has failed again.
        """
        ...

    def crashing(self, least: int) -> set[tuple[str, str]]:
        """Step and key of the tasks whose process is gone each time: of those at least so many letters wait."""
        ...


class KeptLetters(Protocol):
    """The same, and what is done about them; each change is audited."""

    def get(self, name: str) -> KeptLetter:
        """The letter with this number or task id, or Missing."""
        ...

    def claim(
        self, number: int, times: int, *, reason: str, by: str, at: datetime, deadline: datetime
    ) -> KeptLetter | None:
        """The letter as it is now being run again, for whoever comes first; None for everyone else.

        Only one that waits, and has failed so many `times` as the claimant has seen.
        """
        ...

    def put_back(self, number: int, run: int, why: str, at: datetime) -> bool:
        """It waits again, as nothing came of this run; False if that is not the one that is under way."""
        ...

    def finish(self, task_id: str, run: int, note: str, at: datetime) -> bool:
        """This run of it has succeeded, or was not needed any more; False if the letter has ended before."""
        ...

    def overdue(self, at: datetime, limit: int) -> list[KeptLetter]:
        """Those that are being run again and whose deadline is over."""
        ...
