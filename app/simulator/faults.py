"""Faults that can be switched on: each a name, its parameters, and how often or how long it strikes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from app.simulator.errors import Refusal

LIMITS = frozenset({"times", "for_s", "symbol", "path", "method"})
KNOWN: Mapping[str, frozenset[str]] = {
    "create_reply_dropped": frozenset(),  # the order is taken, the connection is cut instead of an answer
    "create_reply_delayed": frozenset({"ms"}),  # the order is taken, the answer comes late
    "create_delayed": frozenset({"ms"}),  # the request is judged late, recvWindow included
    "create_lost": frozenset(),  # the connection is cut before anything happened
    "connection_dropped": frozenset(),  # any request is cut before anything happened
    "connections_refused": frozenset(),  # nobody listens
    "internal_error": frozenset({"after"}),  # {"code":500}; with after: true the request took effect
    "gateway_timeout": frozenset({"after"}),  # {"code":504}, likewise
    "unavailable_html": frozenset({"after"}),  # 503 without JSON, likewise
    "forbidden_html": frozenset(),  # 403 of the web firewall
    "rate_limited": frozenset({"retry_after_s"}),  # 429
    "banned": frozenset({"retry_after_s"}),  # 418
    "answers_delayed": frozenset({"ms"}),  # every answer comes late
    "silent_websocket": frozenset(),  # connected, but nothing is pushed, not even a PONG
    "dropped_websocket": frozenset(),  # every websocket is cut, once
    "refused_subscription": frozenset(),  # a subscription is answered with a refusal
    "read_lag": frozenset({"ms"}),  # orders and fills are not visible yet
    "clock_skew": frozenset({"ms"}),  # the venue's clock is ahead by so much
    "partial_fills": frozenset({"share"}),  # only a share of what the book offers is taken at once
    "no_fills": frozenset(),  # nothing is taken from the book
    "ioc_as_gtc": frozenset(),  # an IMMEDIATE_OR_CANCEL is booked as LIMIT
    "market_orders_disabled": frozenset(),  # 30051
    "symbol_suspended": frozenset(),  # 30000, status 2
    "no_api_trading": frozenset(),  # 10007, isSpotTradingAllowed false
    "order_refused": frozenset({"code", "msg"}),  # any other code
    "fee_in_base": frozenset(),  # what is bought pays its fee in base currency
    "cancel_meets_fill": frozenset(),  # a cancel is answered as done, but the order has just been filled
    "stale_orders": frozenset(),  # an order is shown as it was when it was taken: NEW, nothing filled
    "stale_klines": frozenset({"ms"}),  # the bars of the last so many milliseconds are left out
    "websockets_refused": frozenset(),  # no websocket can be opened; those that are open stay
    "dead_keys_refused": frozenset(),  # who comes with a listenKey that has expired is not let in, and not told why
    "private_frames_dropped": frozenset(),
    "private_frames_doubled": frozenset(),
    "listen_key_expired": frozenset(),  # every key, once: what it opened stays open and says nothing
}


@dataclass(slots=True)
class Fault:
    """One that is switched on. `times` counts down; `until_us` is the real clock's; None is no limit."""

    name: str
    parameters: Mapping[str, Any]
    times: int | None = None
    until_us: int | None = None
    only: Mapping[str, str] = field(default_factory=dict)

    def number(self, name: str, default: Decimal) -> Decimal:
        """A parameter as a number."""
        return Decimal(str(self.parameters.get(name, default)))

    @property
    def delay_s(self) -> float:
        """`ms` as seconds."""
        return float(self.number("ms", Decimal(0))) / 1000

    def meets(self, circumstances: Mapping[str, str]) -> bool:
        """Whether it is meant for this."""
        return all(circumstances.get(name, wanted) == wanted for name, wanted in self.only.items())


class Faults:
    """Those switched on, asked for by name where they would strike."""

    def __init__(self) -> None:
        self._on: list[Fault] = []

    def switch_on(self, wanted: Mapping[str, Any], now_us: int) -> Fault:
        """{"fault": name, …parameters}; anything unknown is refused."""
        name = str(wanted.get("fault"))
        if name not in KNOWN:
            raise Refusal(400, f"there is no fault {name!r}; there are {', '.join(sorted(KNOWN))}")
        unknown = wanted.keys() - {"fault"} - KNOWN[name] - LIMITS
        if unknown:
            takes = sorted(KNOWN[name] | LIMITS)
            raise Refusal(400, f"{name} does not know {', '.join(sorted(unknown))}; it takes {', '.join(takes)}")
        fault = Fault(
            name,
            {key: wanted[key] for key in KNOWN[name] & wanted.keys()},
            times=_whole(wanted, "times"),
            until_us=None if "for_s" not in wanted else now_us + int(_number(wanted, "for_s") * 1_000_000),
            only={key: str(wanted[key]) for key in ("symbol", "path", "method") if key in wanted},
        )
        for key in KNOWN[name] & wanted.keys() & {"ms", "share", "retry_after_s"}:
            _number(wanted, key)
        self._on.append(fault)
        return fault

    def clear(self) -> None:
        """Switch all off."""
        self._on.clear()

    def strike(self, name: str, now_us: int, **circumstances: str) -> Fault | None:
        """The fault, if it strikes here and now; one time fewer from now on."""
        fault = self.look(name, now_us, **circumstances)
        if fault is not None and fault.times is not None:
            fault.times -= 1
        return fault

    def look(self, name: str, now_us: int, **circumstances: str) -> Fault | None:
        """The same without counting."""
        for fault in self._on:
            spent = fault.times == 0 or (fault.until_us is not None and now_us >= fault.until_us)
            if fault.name == name and not spent and fault.meets(circumstances):
                return fault
        return None

    def any_of(self, names: Iterable[str], now_us: int, **circumstances: str) -> Fault | None:
        """The first of these that strikes."""
        if not self._on:
            return None
        return next((fault for name in names if (fault := self.strike(name, now_us, **circumstances))), None)

    def shown(self) -> list[dict[str, object]]:
        """What is switched on."""
        return [
            {"fault": fault.name, "times": fault.times, **fault.parameters, **fault.only}
            for fault in self._on
            if fault.times != 0
        ]

    def __bool__(self) -> bool:
        return bool(self._on)


def _number(wanted: Mapping[str, Any], name: str) -> Decimal:
    try:
        value = Decimal(str(wanted[name]))
    except InvalidOperation:
        raise Refusal(400, f"{name} must be a number, not {wanted[name]!r}") from None
    if not value.is_finite():
        raise Refusal(400, f"{name} must be a number, not {wanted[name]!r}")
    return value


def _whole(wanted: Mapping[str, Any], name: str) -> int | None:
    return int(_number(wanted, name)) if wanted.get(name) is not None else None
