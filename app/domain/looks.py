"""How far the venue's books of each symbol were compared with ours, and which symbols are looked at next."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.market import EPOCH

MONTH = timedelta(days=30)  # so far back the venue tells fills
WEEK = timedelta(days=7)  # and orders
OVERLAP = timedelta(minutes=10)  # a look reaches back beyond the one before: venues show some fills late
DUE_A_RUN = 5
WHOLE_A_RUN = 2
PRESSING = 2  # periods after which entries wait for a look; they stop after four


class Look(StrEnum):
    """What is looked at: the orders that work, the fills since the last look, all that the venue still tells."""

    ORDERS = "orders"
    FILLS = "fills"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far one kind of look at a symbol has come.

    All up to `done_at` was compared, `since_start` if that was done after the farm's start. A look that ran out of
    turns began at `begun_at`, and what is older than `back_to` is still to be asked for.
    """

    symbol: str
    look: Look
    done_at: datetime | None = None
    since_start: bool = False
    begun_at: datetime | None = None
    back_to: datetime | None = None

    def finished(self, at: datetime) -> "Cursor":
        """All is compared up to then."""
        return Cursor(self.symbol, self.look, max(at, self.done_at or at), since_start=True)

    def stopped(self, begun_at: datetime, back_to: datetime) -> "Cursor":
        """There were no more turns."""
        return replace(self, begun_at=begun_at, back_to=back_to)


@dataclass(frozen=True, slots=True)
class Traded:
    """What our books say of a symbol: the first order of the last month, when one was touched last, what there is now.

    `is_held` tells of an open or pending trade: the dust of one that was closed is none.
    """

    first_at: datetime
    touched_at: datetime
    is_held: bool = False
    is_live: bool = False


Cursors = Mapping[tuple[str, Look], Cursor]


@dataclass(frozen=True, slots=True)
class Progress:
    """Everything that was traded, and how far each symbol was compared."""

    traded: Mapping[str, Traded]
    cursors: Cursors

    def cursor(self, symbol: str, look: Look) -> Cursor:
        """How far it has come; one that never was is at its beginning."""
        return self.cursors.get((symbol, look)) or Cursor(symbol, look)

    def after(self, cursors: Iterable[Cursor]) -> "Progress":
        """With these as they are now."""
        return replace(self, cursors={**self.cursors, **{(one.symbol, one.look): one for one in cursors}})

    def matters(self, symbol: str) -> bool:
        """Whether something of ours may have happened there that nobody has compared yet."""
        done_at, one = self.cursor(symbol, Look.FILLS).done_at, self.traded[symbol]
        return done_at is None or one.is_held or one.is_live or one.touched_at >= done_at - OVERLAP

    def since(self, symbol: str, look: Look, at: datetime) -> datetime:
        """From when on a look asks for fills: none is ours that is older than our first order."""
        done_at = self.cursor(symbol, look).done_at if look is Look.FILLS else None
        return max(at - MONTH, (done_at or self.traded[symbol].first_at) - OVERLAP)

    def agreed_at(self, before: datetime | None, at: datetime) -> datetime | None:
        """Up to when all that matters was compared since the start; None if something was not compared at all.

        `before` is what this was after the run before: what has come to matter since then was agreed as far as that.
        """
        times = [at]
        for symbol in filter(self.matters, self.traded):
            cursor = self.cursor(symbol, Look.FILLS)
            agreed = cursor.done_at if cursor.since_start else before
            if agreed is None:
                return None
            times.append(agreed)
        return min(times)

    @property
    def waiting(self) -> int:
        """How many symbols that matter were not compared since the start."""
        return sum(self.matters(one) and not self.cursor(one, Look.FILLS).since_start for one in self.traded)

    def wholly(self, since: datetime) -> int:
        """How many of the traded symbols were looked at wholly since then."""
        return sum((self.cursor(symbol, Look.WHOLE).done_at or since) > since for symbol in self.traded)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A look that is due; one that `is_pressing` goes before the questions of those who only want data."""

    symbol: str
    look: Look
    is_pressing: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """How often symbols are looked at: those that matter, and wholly all that were traded."""

    every: timedelta
    whole_every: timedelta


def agenda(progress: Progress, pace: Pace, at: datetime, *, full: bool = False) -> list[Wanted]:
    """Which fills a run asks for, in this order, as far as there are turns.

    One look at a whole symbol, so that those are never starved, unless entries wait for the start's; what is late for
    entries; then some of the rest: few enough to leave turns for those who settle orders. A `full` run takes as many
    whole ones as it can.
    """
    mattering = sorted(filter(progress.matters, progress.traded), key=lambda one: _age_key(progress, one, Look.FILLS))
    known = [one for one in progress.traded if _first(progress, one) is Look.FILLS]
    whole = sorted(
        (one for one in known if _is_due(progress, one, Look.WHOLE, pace.whole_every, at)),
        key=lambda one: _age_key(progress, one, Look.WHOLE),
    )
    begins = [one for one in whole[:1] if progress.cursor(one, Look.WHOLE).begun_at is None and not progress.waiting]
    others = [one for one in mattering if one not in begins]  # a whole look contains the new fills
    pressing = [one for one in others if _is_pressing(progress.cursor(one, Look.FILLS), pace, at)]
    due = [one for one in others if one not in pressing and _is_due(progress, one, Look.FILLS, pace.every, at)]
    first = [Wanted(one, Look.WHOLE, is_pressing=True) for one in whole[:1]]
    late = [Wanted(one, _first(progress, one), is_pressing=True) for one in pressing]
    return [
        *(late + first if progress.waiting else first + late),
        *(Wanted(one, Look.FILLS) for one in due[:DUE_A_RUN]),
        *(Wanted(one, Look.WHOLE) for one in whole[1 : None if full else WHOLE_A_RUN]),
    ]


def _first(progress: Progress, symbol: str) -> Look:
    """A symbol that was never compared is looked at wholly."""
    return Look.WHOLE if progress.cursor(symbol, Look.FILLS).done_at is None else Look.FILLS


def orders_due(
    progress: Progress, symbols: Iterable[str], strange: Iterable[str], pace: Pace, at: datetime
) -> Iterator[str]:
    """Symbols whose working orders are looked at next: those in which strange ones work, and all in their turn."""
    often = {one for one in strange if _is_due(progress, one, Look.ORDERS, pace.every, at)}
    others = {*symbols, *progress.traded} - often
    seldom = [one for one in others if _is_due(progress, one, Look.ORDERS, pace.whole_every, at)]
    yield from sorted(often)
    yield from sorted(seldom, key=lambda one: _age_key(progress, one, Look.ORDERS))


def _is_due(progress: Progress, symbol: str, look: Look, every: timedelta, at: datetime) -> bool:
    cursor = progress.cursor(symbol, look)
    return cursor.done_at is None or cursor.begun_at is not None or at - cursor.done_at >= every


def _is_pressing(cursor: Cursor, pace: Pace, at: datetime) -> bool:
    return cursor.done_at is None or not cursor.since_start or at - cursor.done_at >= PRESSING * pace.every


def _age_key(progress: Progress, symbol: str, look: Look) -> tuple[datetime, str]:
    """The longest ago first, and before them what never was."""
    return progress.cursor(symbol, look).done_at or EPOCH, symbol
