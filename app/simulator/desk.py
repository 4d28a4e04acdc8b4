"""Where orders come in: checked against the symbol's rules, matched, booked; and where resting ones are filled."""

import re
from dataclasses import dataclass, replace
from decimal import Decimal

from app.domain.market import floor_to
from app.domain.orders import Side
from app.simulator.account import WORKING, Insufficient, Status, VenueOrder, reserved
from app.simulator.errors import Refusal, nothing_to_cancel
from app.simulator.market import Listing, Print, text
from app.simulator.matching import ZERO, Kind, Level, Meeting, Wanted, meet, passed
from app.simulator.venue import Venue

CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
HALF = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a request to trade asks for."""

    symbol: str
    side: Side
    kind: Kind
    quantity: Decimal | None = None
    price: Decimal | None = None
    budget: Decimal | None = None
    client_id: str = ""


class Desk:
    """Refuses with MEXC's codes; what it accepts is in the journal before it returns."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        venue.on_print.append(self._touched)

    def place(self, entry: Entry, *, trial: bool = False) -> VenueOrder | None:
        """Take an order, fill what fills at once, and leave or cancel the rest. A trial only checks."""
        listing = self._checked(entry)
        wanted = self._wanted(entry, listing)
        meeting = self._met(wanted, listing, entry.symbol)
        holds = self._holds(entry, wanted, meeting)
        if self._venue.account.balance(_asset(entry, listing)).free < holds:
            raise Refusal(30004, "Insufficient position")
        if trial:
            return None
        return self._booked(entry, listing, meeting, holds)

    def cancel(self, symbol: str, order_id: str | None, client_id: str | None) -> VenueOrder:
        """End a working order."""
        listing = self._venue.listing(symbol)
        order = self._venue.account.named(order_id, client_id)
        if order is None or order.symbol != symbol or order.status not in WORKING:
            raise nothing_to_cancel()
        if self._venue.faults.strike("cancel_meets_fill", self._venue.clock.real(), symbol=symbol):
            return self._filled_meanwhile(order, listing)
        ended = self._ended(order, listing)
        self._venue.commit("ENTRUST_CANCEL")
        return ended

    def cancel_all(self, symbol: str) -> list[VenueOrder]:
        """End every working order of a symbol."""
        listing = self._venue.listing(symbol)
        ended = [self._ended(order, listing) for order in self._venue.account.resting(symbol)]
        self._venue.commit("ENTRUST_CANCEL")
        return ended

    def _filled_meanwhile(self, order: VenueOrder, listing: Listing) -> VenueOrder:
        """What a cancel is told of an order that was filled before it could end."""
        account, now_ms = self._venue.account, self._venue.clock.now_ms()
        account.fees = replace(self._venue.terms.fees, in_base=self._fee_in_base())
        account.fill(order.id, listing, order.price, order.left, maker=True, time_ms=now_ms)
        self._conclude(order.id, listing, now_ms, rests=True)
        self._venue.commit("ENTRUST")
        return replace(order, status=Status.PARTIALLY_CANCELED if order.executed else Status.CANCELED)

    def _ended(self, order: VenueOrder, listing: Listing) -> VenueOrder:
        status = Status.PARTIALLY_CANCELED if order.executed else Status.CANCELED
        return self._venue.account.close(order.id, listing, status, self._venue.clock.now_ms())

    def _checked(self, entry: Entry) -> Listing:
        venue, listing = self._venue, self._venue.listing(entry.symbol)
        refused = venue.faults.strike("order_refused", venue.clock.real(), symbol=entry.symbol)
        if refused:
            raise Refusal(int(refused.number("code", Decimal(30001))), str(refused.parameters.get("msg", "refused")))
        if not listing.tradable:
            raise Refusal(10007, "symbol not support api")
        if venue.suspended(entry.symbol):
            raise Refusal(30000, "suspended transaction for the symbol")
        if entry.kind is Kind.MARKET and not listing.market_orders:
            raise Refusal(30051, "market order is disabled")
        self._client_id_is_free(entry.client_id)
        if sum(map(len, venue.account.working.values())) >= venue.terms.open_orders:
            raise Refusal(30029, "Cannot exceed the maximum order limit")
        _check_figures(entry, listing, venue.last[entry.symbol])
        return listing

    def _client_id_is_free(self, client_id: str) -> None:
        if client_id and not CLIENT_ID.fullmatch(client_id):
            raise Refusal(700008, "Illegal characters found in parameter 'newClientOrderId'")
        if client_id in self._venue.account.by_client and not self._venue.terms.takes_duplicates:
            raise Refusal(-2010, "Duplicate order sent.")

    def _wanted(self, entry: Entry, listing: Listing) -> Wanted:
        if entry.kind is Kind.MARKET:
            budget = None if entry.quantity is not None else entry.budget
            if budget is not None and entry.side is Side.BUY and not self._fee_in_base():
                budget /= 1 + self._venue.terms.fees.taker
            return Wanted(entry.kind, entry.side, entry.quantity, None, budget)
        return Wanted(self._kind(entry), entry.side, entry.quantity, entry.price)

    def _kind(self, entry: Entry) -> Kind:
        venue = self._venue
        if entry.kind is Kind.IOC and venue.faults.look("ioc_as_gtc", venue.clock.real(), symbol=entry.symbol):
            return Kind.LIMIT
        return entry.kind

    def _met(self, wanted: Wanted, listing: Listing, symbol: str) -> Meeting:
        venue = self._venue
        meeting = meet(wanted, venue.book(symbol), listing.step)
        if venue.faults and venue.faults.strike("no_fills", venue.clock.real(), symbol=symbol):
            return _share(meeting, wanted, ZERO, listing.step)
        part = venue.faults.strike("partial_fills", venue.clock.real(), symbol=symbol) if venue.faults else None
        return meeting if part is None else _share(meeting, wanted, part.number("share", HALF), listing.step)

    def _holds(self, entry: Entry, wanted: Wanted, meeting: Meeting) -> Decimal:
        fees = self._venue.terms.fees
        if entry.side is Side.SELL:
            return entry.quantity if entry.quantity is not None else meeting.quantity
        if entry.budget is not None and entry.quantity is None:
            return entry.budget
        if wanted.limit is None:
            return meeting.worth * (1 + fees.highest)
        return reserved(entry.side, entry.quantity or ZERO, wanted.limit, fees)

    def _booked(self, entry: Entry, listing: Listing, meeting: Meeting, holds: Decimal) -> VenueOrder:
        venue, account, now_ms = self._venue, self._venue.account, self._venue.clock.now_ms()
        account.fees = replace(venue.terms.fees, in_base=self._fee_in_base())
        order = VenueOrder(
            id=f"C02__{account.next_id(now_ms)}",
            client_id=entry.client_id,
            symbol=entry.symbol,
            side=entry.side,
            kind=self._kind(entry),
            price=entry.price or ZERO,
            quantity=entry.quantity if entry.quantity is not None else meeting.quantity,
            budget=ZERO if entry.quantity is not None else entry.budget or ZERO,
            created_ms=now_ms,
            updated_ms=now_ms,
        )
        try:
            account.open(order, listing, holds)
        except Insufficient as error:
            raise Refusal(30004, "Insufficient position") from error
        for level in meeting.taken:
            account.fill(order.id, listing, level.price, level.quantity, maker=False, time_ms=now_ms)
        venue.accepted += 1
        self._conclude(order.id, listing, now_ms, rests=meeting.rests)
        venue.commit("ENTRUST" if meeting.taken else "ENTRUST_PLACE")
        return account.orders[order.id]

    def _conclude(self, order_id: str, listing: Listing, now_ms: int, *, rests: bool) -> None:
        account = self._venue.account
        order = account.orders[order_id]
        if order.executed and not order.left:
            account.close(order_id, listing, Status.FILLED, now_ms)
        elif rests:
            account.tighten(order_id, listing)
        else:
            self._ended(order, listing)

    def _touched(self, one: Print) -> None:
        """Fill the resting orders that a print went through."""
        venue = self._venue
        if not venue.account.working.get(one.symbol):
            return
        listing, now_ms = venue.listing(one.symbol), venue.clock.now_ms()
        venue.account.fees = replace(venue.terms.fees, in_base=self._fee_in_base())
        for order in venue.account.resting(one.symbol):
            quantity = passed(order.side, order.price, order.left, one.price, floor_to(one.quantity, listing.step))
            if quantity:
                venue.account.fill(order.id, listing, order.price, quantity, maker=True, time_ms=now_ms)
                self._conclude(order.id, listing, now_ms, rests=True)
                venue.commit("ENTRUST")

    def _fee_in_base(self) -> bool:
        venue = self._venue
        return venue.terms.fees.in_base or venue.faults.look("fee_in_base", venue.clock.real()) is not None


def _asset(entry: Entry, listing: Listing) -> str:
    return listing.quote if entry.side is Side.BUY else listing.base


def _share(meeting: Meeting, wanted: Wanted, share: Decimal, step: Decimal) -> Meeting:
    taken = tuple(Level(one.price, floor_to(one.quantity * share, step)) for one in meeting.taken)
    return Meeting(tuple(one for one in taken if one.quantity), rests=meeting.rests or wanted.kind is Kind.LIMIT)


def _check_figures(entry: Entry, listing: Listing, last: Decimal) -> None:
    for name, figure, step in (
        ("price", entry.price, listing.tick),
        ("quantity", entry.quantity, listing.step),
    ):
        if figure is not None and figure <= 0:
            raise Refusal(10102, f"{name} cannot be zero or negative")
        if figure is not None and figure % step:
            raise Refusal(10096, f"{name} decimal places is too long")
    notional = entry.budget if entry.quantity is None else entry.quantity * (entry.price or last)
    if entry.quantity is not None and entry.quantity < listing.min_amount:
        raise Refusal(
            30002, f"The minimum transaction volume cannot be less than：{text(listing.min_amount)}{listing.base}"
        )
    if notional is None or notional < listing.min_notional:
        least = f"{text(listing.min_notional)}{listing.quote}"
        raise Refusal(30002, f"The minimum transaction volume cannot be less than：{least}")
    if notional > listing.max_notional:
        most = f"{text(listing.max_notional)}{listing.quote}"
        raise Refusal(30003, f"The maximum transaction volume cannot be greater than：{most}")
