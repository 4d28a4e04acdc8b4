"""Compare the venue's books with ours: what is ours is booked; what is strange or has drifted is told, not touched."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from app.domain.reconciliation import (
    Difference,
    Snapshot,
    VenueFill,
    VenueOrder,
    behind,
    drift,
    merged,
    strange,
    unbooked,
)
from app.steps.events import marks
from app.steps.ports import Announce, Audits, Books, Prices, VenueAccount

log = structlog.get_logger()

MONTH = timedelta(days=30)
WEEK = timedelta(days=7)
OVERLAP = timedelta(minutes=10)  # a run looks back beyond the one before: venues show some fills late


def reconcile(
    *,
    venue: VenueAccount,
    books: Books,
    prices: Prices,
    audits: Audits,
    settle: Callable[[str], object],
    announce: Announce,
    currency: str,
    symbols: Sequence[str],
    tolerance: Decimal,
    full: bool,
    now: Callable[[], datetime],
) -> list[Difference]:
    """What differs. `symbols` are looked at for strange orders besides those that were ordered or are held.

    A `full` run, which the first after a start always is, looks at all that the venue still tells (7 days of
    orders, a month of fills); any other at what has happened since the last. `settle` books what is behind.
    """
    at = now()
    known = books.read(at)
    full = full or known.reconciled_at is None
    since = _since(known, at, full=full)
    known = books.read(since)
    seen = _ask(venue, known, symbols, at, since, full=full)
    ours = books.read(since)  # after the venue: what it has shown is never newer than our books for no reason
    late = behind(ours, seen.working, seen.past, seen.fills)
    for client_order_id in late:
        log.info("the venue knows more of an order", client_order_id=client_order_id)
        settle(client_order_id)
    ours = books.read(since) if late else ours
    missing = unbooked(ours, seen.fills)
    differences = merged(
        known.differences,
        [*strange(ours, seen.working, seen.fills), *_drift(known, ours, seen, prices, currency, tolerance)],
        kept=_kept(full=full, compared=_is_still(known, ours)),
    )
    _tell(known.differences, differences, audits, announce, at)  # before they are kept: kept ones count as told
    books.keep(differences, None if missing else at)
    if missing:
        log.error("fills of ours are not booked", orders=missing)
    return differences


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the venue said."""

    balances: Mapping[str, Decimal]
    working: Sequence[VenueOrder]
    past: Sequence[VenueOrder]
    fills: Sequence[VenueFill]


def _ask(
    venue: VenueAccount, known: Snapshot, symbols: Sequence[str], at: datetime, since: datetime, *, full: bool
) -> _Seen:
    balances = venue.balances()
    looked_at = sorted({*known.symbols, *known.strange_symbols, *(symbols if full else ())})
    working = venue.open_orders(looked_at)
    past = [order for symbol in known.symbols for order in venue.orders(symbol, at - WEEK)] if full else []
    fills = [one for symbol in known.symbols for one in venue.fills(symbol, since)]
    return _Seen(balances, working, past, fills)


def _since(known: Snapshot, at: datetime, *, full: bool) -> datetime:
    """No fill is ours that is older than our first order."""
    first = max(at - MONTH, (known.first_order_at or at) - OVERLAP)
    return first if full or known.reconciled_at is None else max(first, known.reconciled_at - OVERLAP)


def _is_still(known: Snapshot, ours: Snapshot) -> bool:
    """Whether no money moved while the venue was asked, and none is about to."""
    same = (known.cash, known.coins) == (ours.cash, ours.coins)
    return same and known.is_quiet and ours.is_quiet


def _kept(*, full: bool, compared: bool) -> list[str]:
    """Kinds that this run could not look at."""
    return [*([] if full else ["fills"]), *([] if compared else ["balance"])]


def _drift(
    known: Snapshot, ours: Snapshot, seen: _Seen, prices: Prices, currency: str, tolerance: Decimal
) -> list[Difference]:
    if not _is_still(known, ours):
        return []
    by_symbol = marks(prices, ours.symbols)
    by_base = {symbol.partition("/")[0]: price for symbol, price in by_symbol.items()}
    return drift(ours, seen.balances, currency, by_base, tolerance)


def _tell(
    before: Sequence[Difference], now: Sequence[Difference], audits: Audits, announce: Announce, at: datetime
) -> None:
    """Each difference when it is sure: once, and again only if the run dies before it is kept."""
    known = {(one.kind, one.subject) for one in before if one.is_sure}
    for one in now:
        if one.is_sure and (one.kind, one.subject) not in known:
            log.warning("the venue's books differ from ours", kind=one.kind, subject=one.subject, told=one.told)
            audits.write("reconcile.difference", "reconcile", asdict(one), at)
            announce("system_health", "reconcile", asdict(one), at)
