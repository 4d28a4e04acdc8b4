"""Compare as many symbols as there are turns for; what the venue does not tell of one stops no other."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import groupby, islice
from typing import TypeVar

import structlog

from app.domain.errors import RateLimited, Refused, Restricted, Unavailable
from app.domain.looks import Cursor, Cursors, Look, Wanted
from app.domain.reconciliation import Difference, Snapshot, VenueOrder, strange_orders
from app.steps.compare_symbol import Desk, compare_symbol

log = structlog.get_logger()

Thing = TypeVar("Thing")

MOST_FOR_STRANGERS = 50  # symbols a run: the requests for working orders are needed for those that matter, too


@dataclass
class Run:
    """What one run has seen so far of the books, as they were `known` at its begin."""

    known: Snapshot
    desk: Desk
    until: datetime
    differences: list[Difference] = field(default_factory=list)
    cursors: list[Cursor] = field(default_factory=list)
    worked: set[str] = field(default_factory=set)  # symbols whose working orders were seen
    looked: set[str] = field(default_factory=set)  # and whose fills
    whole: set[str] = field(default_factory=set)  # all of them
    refused: dict[str, Refused] = field(default_factory=dict)

    def look_at_fills(self, wanted: Iterable[Wanted]) -> None:
        """In this order, as long as there are turns."""
        for group in _alike(wanted, self.desk.venue.together):
            if not self._may_go_on(partial(self._group, group)):
                return

    def look_for_strangers(self, symbols: Iterable[str]) -> None:
        """In orders that work in these symbols, as long as there are turns."""
        others = (one for one in symbols if one not in self.worked and one not in self.refused)
        for group in _groups(list(islice(others, MOST_FOR_STRANGERS)), self.desk.venue.together):
            if not self._may_go_on(partial(self._strangers, group)):
                return

    def has_judged(self, one: Difference) -> bool:
        """Whether what was seen before would have been seen again, were it still so; a gap is a person's to judge."""
        gone = one.symbol not in self.known.traded
        return {
            "order": one.symbol in self.worked or one.symbol in self.refused,
            "fills": gone or one.symbol in self.whole,
            "unbooked": gone or one.symbol in self.looked,
            "symbol": gone or one.symbol in self.looked or one.symbol in self.refused,
            "overdue": True,
        }.get(one.kind, False)

    @property
    def _cursors(self) -> Cursors:
        return self.known.progress.after(self.cursors).cursors

    def _may_go_on(self, ask: Callable[[], None]) -> bool:
        try:
            ask()
        except RateLimited as error:
            log.info("the next run compares the rest", reason=str(error))
            return False
        except Unavailable as error:
            log.warning("no answer about the account, the next run compares the rest", reason=str(error))
            return False
        return self.desk.now() < self.until

    def _group(self, group: Sequence[Wanted]) -> None:
        working = self._working([one.symbol for one in group], pressing=group[0].is_pressing)
        for one in group:
            if one.symbol in working:
                self._compare(one, working[one.symbol])
            else:
                self._pass_over(one)

    def _compare(self, wanted: Wanted, working: Sequence[VenueOrder]) -> None:
        try:
            found = compare_symbol(wanted, working, replace(self.known, cursors=self._cursors), self.desk)
        except Refused as error:
            self.refused[wanted.symbol] = error
            self._pass_over(wanted)
            return
        self.looked.add(wanted.symbol)
        self.differences += found.differences
        self.cursors += found.cursors
        if found.whole:
            self.whole.add(wanted.symbol)

    def _pass_over(self, wanted: Wanted) -> None:
        """A symbol that the venue does not list any more is told, and counts as compared: more can nobody do."""
        error = self.refused[wanted.symbol]
        self.differences.append(Difference("symbol", wanted.symbol, f"the venue tells nothing of it: {error}"))
        if isinstance(error, Restricted):
            progress, at = self.known.progress, self.desk.now()
            self.cursors += [progress.cursor(wanted.symbol, look).finished(at) for look in {Look.FILLS, wanted.look}]

    def _strangers(self, symbols: Sequence[str]) -> None:
        shown = [one for orders in self._working(symbols, pressing=False).values() for one in orders]
        if shown:
            self.differences += strange_orders(self.desk.books.matching(shown, ()), shown)

    def _working(self, symbols: Sequence[str], *, pressing: bool) -> dict[str, list[VenueOrder]]:
        """What works, by symbol; those that the venue refuses to tell of are left out."""
        try:
            shown = self.desk.venue.open_orders(symbols, pressing=pressing)
        except Refused as error:
            if len(symbols) > 1:  # one of them spoils it for the others
                return {name: one for each in symbols for name, one in self._working([each], pressing=pressing).items()}
            log.warning("the venue tells nothing of a symbol", symbol=symbols[0], reason=str(error))
            self.refused[symbols[0]] = error
            self._have_looked_for_orders(symbols)
            return {}
        self._have_looked_for_orders(symbols)
        self.worked.update(symbols)
        return {symbol: [one for one in shown if one.symbol == symbol] for symbol in symbols}

    def _have_looked_for_orders(self, symbols: Iterable[str]) -> None:
        at = self.desk.now()
        self.cursors += [self.known.progress.cursor(one, Look.ORDERS).finished(at) for one in symbols]


def _alike(wanted: Iterable[Wanted], size: int) -> Iterator[Sequence[Wanted]]:
    """Groups of those that follow each other and are equally urgent."""
    for _, same in groupby(wanted, lambda one: one.is_pressing):
        yield from _groups(list(same), size)


def _groups(things: Sequence[Thing], size: int) -> Iterator[Sequence[Thing]]:
    for first in range(0, len(things), size):
        yield things[first : first + size]
