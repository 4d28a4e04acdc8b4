"""Compare one symbol: what the venue tells of it is held against our books, and what is ours is booked."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from app.domain.looks import WEEK, Cursor, Look, Wanted
from app.domain.orders import Fill
from app.domain.protection import Protection
from app.domain.reconciliation import (
    Difference,
    KnownOrder,
    Ours,
    Snapshot,
    Stretch,
    VenueOrder,
    behind,
    strange_fills,
    strange_orders,
    unbooked,
)
from app.steps.events import order_event
from app.steps.ports import Announce, Books, Instruments, Missing, Orders, VenueAccount

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Desk:
    """What a comparison works with. `settle` follows an order of which the venue knows more than our books."""

    venue: VenueAccount
    books: Books
    orders: Orders
    instruments: Instruments
    protection: Protection
    settle: Callable[[str], object]
    levels_changed: Callable[[], None]
    announce: Announce
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs in a symbol, and how far its looks have come; `whole` if all that the venue tells was seen."""

    differences: Sequence[Difference]
    cursors: Sequence[Cursor] = ()
    whole: bool = False


def compare_symbol(wanted: Wanted, working: Sequence[VenueOrder], known: Snapshot, desk: Desk) -> Comparison:
    """One look at the fills of a symbol, in which these orders are `working`.

    Fills of ours are booked from what the venue tells; an order that still lives is settled besides. While a fill of
    ours is in no book, the symbol counts as not compared.
    """
    at = desk.now()
    cursor = known.progress.cursor(wanted.symbol, wanted.look)
    past = _past(wanted, known, desk, at)
    since = known.progress.since(wanted.symbol, wanted.look, at)
    told = desk.venue.fills(wanted.symbol, since, cursor.back_to, pressing=wanted.is_pressing)
    live = [one for one in known.live if one.symbol == wanted.symbol]
    ours = _booked(told, working, past, live, desk)
    missing = unbooked(ours, told.fills)
    differences = [*strange_orders(ours, working), *strange_fills(ours, told.fills)]
    if missing:
        return Comparison([*differences, *_not_booked(wanted.symbol, missing)])
    whole = wanted.look is Look.WHOLE and cursor.begun_at is None and told.back_to is None
    return Comparison(differences, _moved(cursor, told, known, at), whole)


def _past(wanted: Wanted, known: Snapshot, desk: Desk, at: datetime) -> Sequence[VenueOrder]:
    """Orders that ended may explain what lives here; the fills tell of all others."""
    since = known.live_since(wanted.symbol)
    if wanted.look is not Look.WHOLE or since is None:
        return ()
    return desk.venue.orders(wanted.symbol, max(since, at - WEEK), pressing=wanted.is_pressing)


def _booked(
    told: Stretch, working: Sequence[VenueOrder], past: Sequence[VenueOrder], live: Sequence[KnownOrder], desk: Desk
) -> Ours:
    """Our books after all that can be booked was."""
    shown = [*working, *past]
    ours = desk.books.matching(shown, told.fills)
    new, works = unbooked(ours, told.fills), {one.client_order_id for one in working}
    late = behind(ours, live, working, past)
    for name, fills in new.items():
        _book(name, fills, works, desk)
    for name in late:
        _settle(name, desk)
    return desk.books.matching(shown, told.fills) if new or late else ours


def _book(name: str, fills: Sequence[Fill], works: Container[str], desk: Desk) -> None:
    """An order that does not work, and is too old to be asked for, has ended with these fills."""
    try:
        order, instrument = desk.orders.get(name), desk.instruments.get(fills[0].symbol)
    except Missing as error:
        log.error("fills of ours cannot be booked", client_order_id=name, reason=str(error))
        return
    at = desk.now()
    ended = name not in works and (order.claimed_at or order.created_at) < at - WEEK
    log.info("fills that nobody has booked", client_order_id=name, fills=len(fills))
    booked = desk.orders.book_fills(name, fills, ended=ended, instrument=instrument, protection=desk.protection, at=at)
    desk.levels_changed()
    desk.announce("execution_events", "reconcile", order_event(booked), at)


def _settle(name: str, desk: Desk) -> None:
    log.info("the venue knows more of an order", client_order_id=name)
    try:
        desk.settle(name)
    except Missing as error:
        log.error("an order cannot be settled", client_order_id=name, reason=str(error))


def _not_booked(symbol: str, missing: dict[str, list[Fill]]) -> list[Difference]:
    return [
        Difference("unbooked", f"{symbol} {name}", f"fills of ours are not booked: {len(fills)}; the logs say why")
        for name, fills in missing.items()
    ]


def _moved(cursor: Cursor, told: Stretch, known: Snapshot, at: datetime) -> list[Cursor]:
    """How far the look, and what is contained in it, has come now."""
    begun_at = cursor.begun_at or at
    fills = known.progress.cursor(cursor.symbol, Look.FILLS)
    if told.back_to is None:
        return (
            [cursor.finished(begun_at)]
            if cursor.look is Look.FILLS
            else [cursor.finished(begun_at), fills.finished(begun_at)]
        )
    return [cursor.stopped(begun_at, told.back_to)]
