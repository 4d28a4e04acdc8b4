"""Compare the venue's books with ours, a slice at a time: ours is booked, what is strange is told and not touched."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from app.domain.balances import BLURRED, WORTH, Balances
from app.domain.errors import RateLimited
from app.domain.looks import Pace, agenda, orders_due
from app.domain.protection import Protection
from app.domain.reconciliation import Difference, Snapshot, drift, gaps, merged, overdue
from app.steps.compare_symbol import Desk
from app.steps.compare_symbols import Run
from app.steps.events import marks
from app.steps.ports import Announce, Audits, Books, Instruments, Orders, Prices, VenueAccount

log = structlog.get_logger()

SLICE = timedelta(seconds=3)  # longer a run must not keep its worker from sweeping


def reconcile(
    *,
    venue: VenueAccount,
    books: Books,
    orders: Orders,
    instruments: Instruments,
    protection: Protection,
    prices: Prices,
    audits: Audits,
    settle: Callable[[str], object],
    levels_changed: Callable[[], None],
    announce: Announce,
    currency: str,
    symbols: Sequence[str],
    tolerance: Decimal,
    pace: Pace,
    now: Callable[[], datetime],
    full: bool = False,
    begun: datetime | None = None,
) -> list[Difference]:
    """What differs. A run looks at as many symbols as it gets turns for, and the next one goes on where it stopped.

    Entries wait for symbols in which something of ours may have happened, so those come first; all that was traded is
    looked at wholly in its turn, and so are the working orders of `symbols`, for strange ones. A `full` run wants
    a whole look at everything that had none since `begun`, or since now. `settle` follows an order that lives.
    """
    at = now()
    if full:
        pace = replace(pace, whole_every=at - (begun or at))
    known = books.read(at)
    fresh = _balances(venue)
    desk = Desk(venue, books, orders, instruments, protection, settle, levels_changed, announce, now)
    run = Run(known, desk, at + SLICE)
    run.look_at_fills(agenda(known.progress, pace, at, full=full))
    run.look_for_strangers(orders_due(known.progress, symbols, known.strange_symbols, pace, at))
    asked = [one.since for one in (known.balances, fresh) if one is not None]
    ours = books.read(now(), moves_since=min(asked) - BLURRED if asked else None)
    ripe, pending = _to_be_compared(known, ours, fresh, at)
    drifted, unclear = _drift(ours, ripe, prices, currency, tolerance)
    differences = merged(
        known.differences,
        [*run.differences, *drifted, *gaps(known, at), *overdue(ours, at)],
        judged=lambda one: one.subject not in unclear if one.kind == "balance" and ripe else run.has_judged(one),
    )
    _tell(known.differences, differences, audits, announce, at)  # before they are kept: kept ones count as told
    agreed_at = known.progress.after(run.cursors).agreed_at(known.reconciled_at, at)
    books.keep(differences, agreed_at, cursors=run.cursors, balances=pending)
    return differences


def _balances(venue: VenueAccount) -> Balances | None:
    """Without a turn for them the symbols are looked at all the same."""
    try:
        return venue.balances()
    except RateLimited as error:
        log.info("the next run compares the balances", reason=str(error))
        return None


def _to_be_compared(
    known: Snapshot, ours: Snapshot, fresh: Balances | None, at: datetime
) -> tuple[Balances | None, Balances | None]:
    """Which balances all fills are booked by now that they contain, and which wait for that.

    At once where no order lives; on a busy farm those of an earlier run, against our books of that moment.
    """
    if fresh is not None and not known.live and not ours.live:
        return fresh, None
    waiting = known.balances
    if waiting is None or at >= waiting.until + WORTH:
        return None, fresh
    return (waiting, fresh) if waiting.is_ripe(at) else (None, waiting)


def _drift(
    ours: Snapshot, ripe: Balances | None, prices: Prices, currency: str, tolerance: Decimal
) -> tuple[list[Difference], frozenset[str]]:
    if ripe is None:
        return [], frozenset()
    return drift(ours, ripe, currency, marks(prices, ours.traded), tolerance)


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
