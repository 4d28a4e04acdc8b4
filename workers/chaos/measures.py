"""What is measured of a run: how much was at risk, and how long services took to be back. Pure; times in ms."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from math import ceil

from app.domain.market import microseconds
from app.domain.orders import Side
from app.domain.risk import ZERO
from app.simulator.account import Change, VenueOrder
from app.store import Record, RecordedOrder

PERIODIC = frozenset({"beat", "upkeep"})  # whose work is seen in the equity curve, not in orders
SENDER = "orders"
USUAL_PAUSE_MS = 1000  # bars close every second: a drain that is silent longer protects nobody


@dataclass(frozen=True, slots=True)
class Kill:
    """A service that was killed."""

    service: str
    at: int


@dataclass(frozen=True, slots=True)
class Recovery:
    """How long after the kill its work went on; None if it did not in the `had_s` seconds that the run still had."""

    service: str
    took_s: float | None
    had_s: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """From … to."""

    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Measures:
    """The figures; `exposure_high` is a share of equity, `unprotected_longest_s` the longest of `unprotected_s`."""

    accepted: int
    fills: int
    exposure_high: Decimal
    unprotected_s: float
    unprotected_longest_s: float
    recoveries: Sequence[Recovery]

    @property
    def recovery_p50_s(self) -> float | None:
        """The median recovery."""
        return self._percentile(50)

    @property
    def recovery_p99_s(self) -> float | None:
        """The slowest of a hundred."""
        return self._percentile(99)

    @property
    def recovery_max_s(self) -> float | None:
        """The slowest."""
        return self._percentile(100)

    def _percentile(self, percent: int) -> float | None:
        return percentile([one.took_s for one in self.recoveries if one.took_s is not None], percent)


def milliseconds(at: datetime) -> int:
    """Since the epoch, as the venue counts."""
    return microseconds(at) // 1000


def percentile(values: Iterable[float], percent: int) -> float | None:
    """The nearest-rank percentile, None of nothing."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)] if ordered else None


def exposure(
    changes: Sequence[Change],
    known: Mapping[str, RecordedOrder],
    course: Callable[[str, int], Decimal],
    until: int,
    quote: str,
) -> tuple[Decimal, list[tuple[str, Decimal]]]:
    """The high-water mark, and the share of equity after each entry that the venue accepted.

    Positions are valued where the market was when the newest of the entries so far was approved: what it moves
    later is no breach, for nothing was bought then.
    """
    entries: dict[str, VenueOrder] = {}
    balances: dict[str, Decimal] = {}
    shares: list[tuple[str, Decimal]] = []
    approved = 0
    for change in changes:
        balances |= {asset: one.free + one.locked for asset, one in change.balances.items()}
        new = [o for o in change.orders.values() if o.side is Side.BUY and o.id not in entries]
        entries |= {order.id: order for order in change.orders.values() if order.side is Side.BUY}
        for order in new:
            if order.created_ms >= until:
                continue
            ours = known.get(order.client_id)
            approved = max(approved, milliseconds(ours.created_at) if ours else order.created_ms)
            positions = sum(
                (have * course(f"{a}{quote}", approved) for a, have in balances.items() if a != quote), ZERO
            )
            pending = sum((one.locked for one in entries.values()), ZERO)
            shares.append((order.client_id, (positions + pending) / (positions + balances.get(quote, ZERO))))
    return max((share for _, share in shares), default=ZERO), shares


def recoveries(
    kills: Sequence[Kill],
    accepted: Iterable[VenueOrder],
    record: Record,
    until: int,
) -> list[Recovery]:
    """For each kill the time until a tick that was received after it had gone the whole way anew.

    The way ends at the venue, which accepts an order, or with a refusal by risk, unless what sends orders was killed.
    For what only keeps the periods it is the time until the account was valued.
    """
    known = {order.client_order_id: order for order in record.orders}
    orders = [(milliseconds(known[o.client_id].tick_at), o.created_ms) for o in accepted if o.client_id in known]
    decided = orders + [(milliseconds(one.tick_at), milliseconds(one.at)) for one in record.refused]
    marks = [(milliseconds(at), milliseconds(at)) for at in record.marked_at]
    found: list[Recovery] = []
    for kill in kills:
        work = marks if kill.service in PERIODIC else orders if kill.service == SENDER else decided
        done = [ended for began, ended in work if began > kill.at and ended <= until]
        took_s = (min(done) - kill.at) / 1000 if done else None
        found.append(Recovery(kill.service, took_s, (until - kill.at) / 1000))
    return found


def at_risk(progress: Sequence[int], held: Sequence[Stretch], ended: int) -> list[float]:
    """For how many seconds at once something was held while no ticks were processed, and so no stop was looked at."""
    moments = [*progress, ended] if progress else []
    gaps = [Stretch(a + USUAL_PAUSE_MS, b) for a, b in pairwise(moments) if b - a > USUAL_PAUSE_MS]
    overlaps = [min(gap.until, one.until) - max(gap.since, one.since) for gap in gaps for one in held]
    return [overlap / 1000 for overlap in overlaps if overlap > 0]
