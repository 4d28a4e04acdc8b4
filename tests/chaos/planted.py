"""Mistakes that the schedules must find: each is a plausible way to write a step or a port, and wrong."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domain.errors import Refused, Unknown
from app.domain.orders import Order, OrderState, Search
from app.domain.portfolio import Mark
from app.domain.risk import Account, Breaker
from app.steps.place_order import place_order
from app.steps.settle_order import CLOCKS_APART, settle_order
from app.steps.sweep import sweep


class Instead:
    """A port, some methods of which are others."""

    def __init__(self, port: Any, **methods: Callable[..., Any]) -> None:
        self._port, self._methods = port, methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._port, name)


def resends_blindly(client_order_id: str, *, trading: Any, now: Callable[[], datetime], **ports: Any) -> str | None:
    """A place that takes silence for failure and sends again."""

    def submit(order: Order, *, signed_at: datetime) -> str:
        try:
            return str(trading.submit(order, signed_at=signed_at))
        except Unknown:
            return str(trading.submit(order, signed_at=now()))

    return place_order(client_order_id, trading=Instead(trading, submit=submit), now=now, **ports)


def rejects_what_is_unclear(client_order_id: str, *, trading: Any, **ports: Any) -> str | None:
    """A place that calls an order rejected though nobody has said so."""

    def submit(order: Order, *, signed_at: datetime) -> str:
        try:
            return str(trading.submit(order, signed_at=signed_at))
        except Unknown as error:
            raise Refused(str(error)) from error

    return place_order(client_order_id, trading=Instead(trading, submit=submit), **ports)


def takes_a_known_name_for_a_refusal(client_order_id: str, *, trading: Any, **ports: Any) -> str | None:
    """A place for which an order that the venue has already is one that it will never have."""

    def submit(order: Order, *, signed_at: datetime) -> str:
        try:
            return str(trading.submit(order, signed_at=signed_at))
        except Unknown as error:
            if "-2010" not in str(error):
                raise
            raise Refused(str(error), "-2010") from error

    return place_order(client_order_id, trading=Instead(trading, submit=submit), **ports)


def signs_when_it_sends(client_order_id: str, *, trading: Any, now: Callable[[], datetime], **ports: Any) -> str | None:
    """A place whose request is fresh however late it is sent."""

    class Late(datetime):
        """As old as the moment at which the venue looks at it."""

        def __rsub__(self, other: Any) -> Any:
            return timedelta(0)

    def submit(order: Order, *, signed_at: datetime) -> str:
        fresh = Late.fromtimestamp(signed_at.timestamp(), signed_at.tzinfo)
        return str(trading.submit(order, signed_at=fresh))

    return place_order(client_order_id, trading=Instead(trading, submit=submit), now=now, **ports)


LONG_AGO = timedelta(hours=1)


def hasty(orders: Any) -> Instead:
    """Orders that the venue could take only long ago, so that each silence of it seems to prove something."""

    def get(key: str) -> Order:
        order: Order = orders.get(key)
        return replace(order, acceptable_until=order.created_at - LONG_AGO)

    return Instead(orders, get=get)


def trusts_not_found(client_order_id: str, *, orders: Any, recv_window: timedelta, **ports: Any) -> str | None:
    """A settle that takes the first search in vain for proof."""
    return settle_order(client_order_id, orders=hasty(orders), recv_window=-LONG_AGO, **ports)


def forgets_read_lag(client_order_id: str, *, read_lag: timedelta, **ports: Any) -> str | None:
    """A settle that knows of the window, but not of the venue's late answers."""
    return settle_order(client_order_id, read_lag=timedelta(0), **ports)


def proves_by_its_own_clock(
    client_order_id: str,
    *,
    trading: Any,
    now: Callable[[], datetime],
    recv_window: timedelta,
    apart: timedelta = CLOCKS_APART,
    **ports: Any,
) -> str | None:
    """A settle for which a claim has run out when its own clock says so; `apart` is how wrong that may be."""

    def search(order: Order) -> Search:
        found: Search = trading.search(order)
        assert order.acceptable_until is not None
        age = now() - (order.claimed_at or order.created_at)
        return replace(found, began_at=order.acceptable_until - recv_window + age + CLOCKS_APART - apart)

    shorter = recv_window - CLOCKS_APART + apart
    return settle_order(client_order_id, trading=Instead(trading, search=search), now=now, recv_window=shorter, **ports)


def forgets_that_clocks_differ(client_order_id: str, **ports: Any) -> str | None:
    """The same, for which its own clock is the venue's."""
    return proves_by_its_own_clock(client_order_id, apart=timedelta(0), **ports)


def asks_before_the_lease_is_over(
    client_order_id: str, *, orders: Any, recv_window: timedelta, **ports: Any
) -> str | None:
    """A settle that doubts an order which somebody is sending just now, and believes that at once."""

    def get(key: str) -> Order:
        order: Order = hasty(orders).get(key)
        return replace(order, lease_until=None)

    return settle_order(client_order_id, orders=Instead(orders, get=get), recv_window=-LONG_AGO, **ports)


def overlooks_submitting(*, orders: Any, **ports: Any) -> int:
    """A sweep for which an order that is being sent is somebody else's business for ever."""

    def left_behind(*args: Any) -> list[Order]:
        return [one for one in orders.left_behind(*args) if one.state is not OrderState.SUBMITTING]

    return sweep(orders=Instead(orders, left_behind=left_behind), **ports)


def overlooks_signals(*, signals: Any, **ports: Any) -> int:
    """A sweep that trusts that each signal's message arrives."""
    return sweep(signals=Instead(signals, undecided=lambda *_: []), **ports)


def decides_otherwise(ports: dict[str, Any], spoil: Callable[[Any], None]) -> dict[str, Any]:
    """A ledger each of whose decisions is spoilt."""
    ledger = ports["ledger"]

    @contextmanager
    def deciding(*args: Any) -> Iterator[Any]:
        with ledger.deciding(*args) as decision:
            spoil(decision)
            yield decision

    return {"ledger": Instead(ledger, deciding=deciding)}


def reserves_nothing(ports: dict[str, Any]) -> dict[str, Any]:
    """An approval that does not reserve what it approves."""

    def spoil(decision: Any) -> None:
        approve = decision.approve
        decision.approve = lambda order: approve(replace(order, reserved=Decimal(0)))

    return decides_otherwise(ports, spoil)


def claims_twice(ports: dict[str, Any]) -> dict[str, Any]:
    """A claim that does not look whether somebody was quicker: the order is read before and believed after."""
    orders = ports["orders"]

    def claim(key: str, *, at: datetime, lease: timedelta, **stamp: Any) -> Order:
        claimed = orders.claim(key, at=at, lease=lease, **stamp)
        taken: Order = claimed or replace(orders.get(key), claimed_at=at, lease_until=at + lease)
        return taken

    return {"orders": Instead(orders, claim=claim)}


def books_again(ports: dict[str, Any]) -> dict[str, Any]:
    """A booking that knows fills by when it heard of them, not by the venue's trade id."""
    orders = ports["orders"]

    def settle(order: Order, report: Any, *, at: datetime, **how: Any) -> Order:
        fills = tuple(replace(one, venue_trade_id=f"{one.venue_trade_id}@{at}") for one in report.fills)
        settled: Order = orders.settle(order, replace(report, fills=fills), at=at, **how)
        return settled

    return {"orders": Instead(orders, settle=settle)}


def forgets_prices(ports: dict[str, Any]) -> dict[str, Any]:
    """A ledger for which what is held is worth what was paid for it, once Redis has forgotten the price."""
    ledger = ports["ledger"]

    def known(marks: Mapping[str, Mark], at: datetime) -> dict[str, Mark]:
        return {symbol: Mark(Decimal(100), at) for symbol in ledger.held()} | dict(marks)

    def mark(marks: Mapping[str, Mark], at: datetime, breaker: Breaker) -> Account:
        marked: Account = ledger.mark(known(marks, at), at, breaker)
        return marked

    return {"ledger": Instead(ledger, mark=mark)}


def never_trips(ports: dict[str, Any]) -> dict[str, Any]:
    """Rules that know no trading state and no losses."""
    deaf = ("trading_state", "circuit_breaker", "max_drawdown")
    return {"rules": [rule for rule in ports["rules"] if not type(rule).__module__.endswith(deaf)]}


def leaves_once(ports: dict[str, Any]) -> dict[str, Any]:
    """An approval for which a wish to leave is over once it has become an order."""

    def spoil(decision: Any) -> None:
        decision.leave = lambda: None

    return decides_otherwise(ports, spoil)


PLANTED: dict[str, dict[str, Any]] = {
    "a place that resends blindly": {"place_order": resends_blindly},
    "a place that rejects what is unclear": {"place_order": rejects_what_is_unclear},
    "a place that signs when it sends": {"place_order": signs_when_it_sends},
    "a settle that does not wait for the lease": {"settle_order": asks_before_the_lease_is_over},
    "a sweep that overlooks what is being sent": {"sweep": overlooks_submitting},
    "a sweep that overlooks signals": {"sweep": overlooks_signals},
    "an approval without a reservation": {"ports": reserves_nothing},
    "an approval that keeps no wish to leave": {"ports": leaves_once},
    "a claim that two may have": {"ports": claims_twice},
    "a fill that is booked twice": {"ports": books_again},
    "rules that do not know the breaker": {"ports": never_trips},
}
