"""The judge: what the venue's journal and the database say of one run, held against each other. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from app.domain.orders import TERMINAL, Side
from app.domain.risk import ZERO
from app.simulator.account import WORKING, AccountTrade, Change, VenueOrder
from app.store import HeldTrade, Record, RecordedOrder, WishToLeave
from workers.chaos.measures import Kill, Measures, Stretch, at_risk, exposure, milliseconds, recoveries

QUOTE = "USDT"
# Approvals know the last tick, the judge the course that ticks scatter around; an entry too many is five times this.
EXPOSURE_SLACK = Decimal("0.03")
LEVELS_READ_MS = 6_000  # a drain that nobody told of a new trade knows its levels by then
BLIND = 3  # recoveries, one after the other, that a script may cost with all its kills, pauses and faults


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that must not be; `kind` is one word for machines."""

    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the judge sees. Times are milliseconds since the epoch.

    `course` is what a symbol of the venue was worth at a time, `calm_until` when the market was made to crash to the
    share `crash` of that, `silent_since` when the feed was made deaf in the end, `progress` when ticks were seen to be
    processed, `rested` whether everything came to its end in time.
    """

    changes: Sequence[Change]
    record: Record
    course: Callable[[str, int], Decimal]
    max_exposure: Decimal
    recv_window_ms: int
    calm_until: int
    ended: int
    crash: Decimal = Decimal(1)
    silent_since: int | None = None
    rested: bool = True
    progress: Sequence[int] = ()
    kills: Sequence[Kill] = ()
    recovery_limit_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, and what was measured; `passed` when nothing was found."""

    findings: Sequence[Finding]
    measures: Measures

    @property
    def passed(self) -> bool:
        """Whether all held."""
        return not self.findings


@dataclass(slots=True)
class _Venue:
    """What the journal tells, indexed. `accepted` are orders in the order of their coming in, as they ended."""

    accepted: dict[str, VenueOrder] = field(default_factory=dict)
    fills: list[AccountTrade] = field(default_factory=list)
    balances: dict[str, Decimal] = field(default_factory=dict)


def judge(evidence: Evidence) -> Verdict:
    """The verdict on one run."""
    venue, record = _told(evidence.changes), evidence.record
    known = {order.client_order_id: order for order in record.orders}
    high, shares = exposure(evidence.changes, known, evidence.course, evidence.calm_until, QUOTE)
    allowed = evidence.max_exposure * (1 + EXPOSURE_SLACK)
    recovered = recoveries(evidence.kills, venue.accepted.values(), record, evidence.calm_until)
    heard_until = evidence.ended if evidence.silent_since is None else evidence.silent_since
    blind_s = at_risk(evidence.progress, _held_stretches(evidence.changes, heard_until), heard_until)
    measures = Measures(
        accepted=len(venue.accepted),
        fills=len(venue.fills),
        exposure_high=high,
        unprotected_s=sum(blind_s),
        unprotected_longest_s=max(blind_s, default=0.0),
        recoveries=recovered,
    )
    found = [
        *_duplicates(venue, known),
        *_strays(venue, record, known),
        *_fills(venue, record),
        *_money(venue, record),
        *(
            Finding("exposure", f"{share:.4%} after {name}, allowed {allowed:.4%}")
            for name, share in shares
            if share > allowed
        ),
        *_entries_after_the_breaker(venue, record, known, evidence.recv_window_ms),
        *_exits(venue, known),
        *_left_holding(evidence),
        *_slow(measures, evidence.recovery_limit_s),
    ]
    if not evidence.rested or record.undecided:
        found.append(Finding("unrest", f"not everything came to its end; {record.undecided} signals are undecided"))
    return Verdict(found, measures)


def _told(changes: Sequence[Change]) -> _Venue:
    venue = _Venue()
    for change in changes:
        venue.accepted.update(change.orders)
        venue.fills += change.trades
        venue.balances |= {asset: one.free + one.locked for asset, one in change.balances.items()}
    return venue


def _duplicates(venue: _Venue, known: dict[str, RecordedOrder]) -> Iterator[Finding]:
    times = Counter(order.client_id for order in venue.accepted.values())
    for client_id, count in times.items():
        if count > 1:
            yield Finding("duplicate", f"order {client_id} was accepted {count} times")
    intents = defaultdict(set)
    for client_id in times.keys() & known.keys():
        intents[known[client_id].signal_key].add(client_id)
    for key, ids in intents.items():
        if len(ids) > 1:
            yield Finding("duplicate", f"intent {key} has several orders: {', '.join(sorted(ids))}")


def _strays(venue: _Venue, record: Record, known: dict[str, RecordedOrder]) -> Iterator[Finding]:
    accepted = {order.client_id: order for order in venue.accepted.values()}
    for client_id in accepted.keys() - known.keys():
        yield Finding("orphan", f"the venue accepted {client_id or 'an order without a name'}, the database has none")
    for order in record.orders:
        there, ended = accepted.get(order.client_order_id), order.state in TERMINAL
        if there is None and not ended:
            yield Finding("lost", f"{order.client_order_id} is {order.state}, the venue has never seen it")
        if there is not None and not ended:
            yield Finding("unsettled", f"{order.client_order_id} is {order.state}, at the venue {there.status}")
        if there is not None and ended and there.status in WORKING:
            yield Finding("unsettled", f"{order.client_order_id} is {order.state}, and works at the venue")


def _fills(venue: _Venue, record: Record) -> Iterator[Finding]:
    theirs = {(fill.symbol, fill.id): fill for fill in venue.fills}
    ours = Counter((one.symbol.replace("/", ""), one.venue_trade_id) for one in record.executions)
    for symbol, name in theirs.keys() - ours.keys():
        yield Finding("unbooked_fill", f"fill {name} of {symbol} is not in the database")
    for (symbol, name), count in ours.items():
        if count > 1:
            yield Finding("doubled_fill", f"fill {name} of {symbol} was booked {count} times")
    for one in record.executions:
        fill = theirs.get((one.symbol.replace("/", ""), one.venue_trade_id))
        if fill is None:
            yield Finding("invented_fill", f"fill {one.venue_trade_id} of {one.symbol} was never told by the venue")
        elif (fill.price, fill.quantity, fill.fee) != (one.price, one.amount, one.commission):
            yield Finding("wrong_fill", f"fill {one.venue_trade_id} of {one.symbol} was booked with other figures")


def _money(venue: _Venue, record: Record) -> Iterator[Finding]:
    cash = venue.balances.get(QUOTE, ZERO)
    if cash != record.cash:
        yield Finding("cash", f"{record.cash} {QUOTE} in the database, {cash} at the venue")
    ours = {symbol.partition("/")[0]: amount for symbol, amount in record.held.items()}
    for asset in sorted((ours.keys() | venue.balances.keys()) - {QUOTE}):
        mine, theirs = ours.get(asset, ZERO), venue.balances.get(asset, ZERO)
        if mine != theirs:
            yield Finding("position", f"{mine} {asset} in the database, {theirs} at the venue")


def _entries_after_the_breaker(
    venue: _Venue, record: Record, known: dict[str, RecordedOrder], window_ms: int
) -> Iterator[Finding]:
    """Approved after the trip; or claimed after it: a request that was claimed before is signed with the claim's
    time, and cannot be accepted later than `window_ms`.
    """
    states = [event for event in record.events if event.kind == "trading_state"]
    tripped = next((event for event in states if event.data["to"] != "ACTIVE"), None)
    if tripped is None or states[-1].data["to"] == "ACTIVE":
        return
    approved: dict[str, int] = {}
    for event in record.events:
        if event.kind == "order.approved":  # once more when it was proved that the venue has not got it
            approved.setdefault(event.data["client_order_id"], event.number)
    claimed = {e.data["client_order_id"]: e.number for e in record.events if e.kind == "order.submitting"}
    latest_ms = milliseconds(tripped.at) + window_ms
    for order in venue.accepted.values():
        if order.side is not Side.BUY or order.client_id not in known:
            continue
        if approved.get(order.client_id, 0) > tripped.number:
            yield Finding("entry_after_breaker", f"{order.client_id} was approved after {tripped.data['to']}")
        elif claimed.get(order.client_id, 0) > tripped.number or order.created_ms > latest_ms:
            late_s = (order.created_ms - milliseconds(tripped.at)) / 1000
            yield Finding(
                "entry_after_breaker", f"{order.client_id} was sent {late_s:.1f} s after {tripped.data['to']}"
            )


def _exits(venue: _Venue, known: dict[str, RecordedOrder]) -> Iterator[Finding]:
    by_trade: dict[int, list[VenueOrder]] = defaultdict(list)
    for order in venue.accepted.values():
        if order.client_id in known:
            by_trade[known[order.client_id].trade_id].append(order)
    for trade, orders in by_trade.items():
        exits = sorted((o for o in orders if o.side is Side.SELL), key=lambda o: o.created_ms)
        for first, second in pairwise(exits):
            if first.status in WORKING or second.created_ms < first.updated_ms:
                yield Finding("two_exits", f"trade {trade}: {second.client_id} came while {first.client_id} lived")
        bought = sum((o.executed for o in orders if o.side is Side.BUY), ZERO)
        sold = sum((o.executed for o in exits), ZERO)
        if sold > bought:
            yield Finding("oversold", f"trade {trade} sold {sold} of {bought}")


def _left_holding(evidence: Evidence) -> Iterator[Finding]:
    """What is open in the end though it was to be left: market and venue have worked, and there was time enough."""
    left = {order.trade_id for order in evidence.record.orders if order.side is Side.SELL}
    for trade in evidence.record.trades:
        holds = f"trade {trade.trade_id} holds {trade.left} {trade.symbol.partition('/')[0]}"
        wish = _unheeded(trade, evidence.record)
        if trade.trade_id in left or trade.is_leaving:
            yield Finding("left_holding", f"{holds}, which was to be left")
        elif _fell_through_its_stop(trade, evidence):
            yield Finding("left_holding", f"{holds}, and the market fell through its stop of {trade.stop_price}")
        elif wish is not None:
            yield Finding("left_holding", f"{holds}, and {wish.strategy} wished to leave it at {wish.bar_end}")


def _fell_through_its_stop(trade: HeldTrade, evidence: Evidence) -> bool:
    """Whether the crash hit the stop of a trade that drains knew of when it came."""
    known_ms = evidence.calm_until - LEVELS_READ_MS
    opened = [e for e in evidence.record.events if e.kind == "trade.open" and milliseconds(e.at) <= known_ms]
    if trade.stop_price is None or trade.trade_id not in {one.data["trade_id"] for one in opened}:
        return False
    fell_to = evidence.course(trade.symbol.replace("/", ""), evidence.calm_until) * evidence.crash
    return fell_to <= trade.stop_price


def _unheeded(trade: HeldTrade, record: Record) -> WishToLeave | None:
    """A wish of the strategy that entered a trade, on a newer bar; none that was refused after trading was halted."""
    halts = [e.at for e in record.events if e.kind == "trading_state" and e.data["to"] == "HALTED"]
    for wish in record.wishes:
        mine = (wish.symbol, wish.strategy) == (trade.symbol, trade.strategy) and wish.bar_end > trade.entered_on
        if mine and not (halts and wish.refused_at is not None and wish.refused_at >= halts[0]):
            return wish
    return None


def _held_stretches(changes: Sequence[Change], ended: int) -> list[Stretch]:
    """When the account held anything but quote currency."""
    stretches: list[Stretch] = []
    balances: dict[str, Decimal] = {}
    since: int | None = None
    for change in changes:
        balances |= {a: one.free + one.locked for a, one in change.balances.items() if a != QUOTE}
        at = max((order.updated_ms for order in change.orders.values()), default=0)
        if any(balances.values()) and since is None:
            since = at
        elif not any(balances.values()) and since is not None:
            stretches.append(Stretch(since, at))
            since = None
    return stretches if since is None else [*stretches, Stretch(since, ended)]


def _slow(measures: Measures, limit_s: float) -> Iterator[Finding]:
    if measures.recovery_p99_s is not None and measures.recovery_p99_s > limit_s:
        yield Finding("slow_recovery", f"p99 of the recoveries is {measures.recovery_p99_s:.1f} s, over {limit_s:g} s")
    for one in measures.recoveries:
        if one.took_s is None and one.had_s > limit_s:
            yield Finding("no_recovery", f"{one.service} was killed and {one.had_s:.0f} s later did nothing yet")
    if measures.unprotected_longest_s > BLIND * limit_s:
        longest_s = measures.unprotected_longest_s
        yield Finding("unprotected", f"something was held and nobody looked at its stops for {longest_s:.1f} s")
