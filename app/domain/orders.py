"""The order and its state machine: what may follow what, and that terminal states absorb."""

from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256


class OrderState(StrEnum):
    """Where an order stands."""

    APPROVED = "approved"
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


S = OrderState
TERMINAL = frozenset({S.FILLED, S.CANCELLED, S.REJECTED, S.EXPIRED})
LIVE = frozenset(OrderState) - TERMINAL
AT_VENUE = frozenset({S.OPEN, S.PARTIALLY_FILLED})
_SEEN_AT_VENUE = frozenset({S.OPEN, S.PARTIALLY_FILLED, S.FILLED, S.CANCELLED, S.REJECTED})
NEXT: dict[OrderState, frozenset[OrderState]] = {
    S.APPROVED: frozenset({S.SUBMITTING, S.EXPIRED}),
    S.SUBMITTING: _SEEN_AT_VENUE | {S.UNKNOWN, S.APPROVED},
    S.UNKNOWN: _SEEN_AT_VENUE | {S.APPROVED, S.EXPIRED},
    S.OPEN: frozenset({S.PARTIALLY_FILLED, S.FILLED, S.CANCELLED}),
    S.PARTIALLY_FILLED: frozenset({S.FILLED, S.CANCELLED}),
    **{state: frozenset() for state in TERMINAL},
}

OUT_OF_REACH = "the venue tells of no order that old, and nothing else proves what became of it"  # held for a person


class IllegalTransition(Exception):
    """An order was asked to go where it cannot."""


def follow(now: OrderState, then: OrderState) -> OrderState:
    """The state after hearing `then`: terminal states absorb, the same state stays, nonsense raises."""
    if now in TERMINAL or now == then:
        return now
    if then not in NEXT[now]:
        raise IllegalTransition(f"an order cannot go from {now} to {then}")
    return then


def proved(filled: Decimal, amount: Decimal, *, ended: bool) -> OrderState:
    """Where an order stands of which only its fills are known, and whether it can do more."""
    if filled >= amount:
        return OrderState.FILLED
    return OrderState.CANCELLED if ended else OrderState.PARTIALLY_FILLED


def told_of(now: OrderState) -> OrderState:
    """The state once the venue has shown the order: one that was thought to be absent is there after all."""
    return S.UNKNOWN if now is S.APPROVED else now


class Side(StrEnum):
    """Which way."""

    BUY = "buy"
    SELL = "sell"


class Leg(StrEnum):
    """What an order does for its trade."""

    ENTRY = "entry"
    STRATEGY_EXIT = "strategy_exit"
    STOP_LOSS = "stop_loss"
    TRAILING_STOP = "trailing_stop"
    TAKE_PROFIT = "take_profit"
    OPERATOR_EXIT = "operator_exit"


PROTECTIVE = frozenset({Leg.STOP_LOSS, Leg.TRAILING_STOP, Leg.TAKE_PROFIT})


class OrderType(StrEnum):
    """How an order meets the book."""

    MARKET = "market"
    LIMIT = "limit"
    IOC = "ioc"


def intent_key(*parts: object) -> str:
    """A name of 32 characters (MEXC's limit) that depends on nothing but the intent."""
    digest = sha256("|".join(map(str, parts)).encode()).digest()
    return b32encode(digest).decode()[:32]


@dataclass(frozen=True, slots=True)
class Order:
    """An approved instruction.

    `amount` is in base currency; `price` is the limit, or for a market order the price that the approval
    reckoned with; `reserved` is the quote currency that it holds against the exposure limit while it lives;
    `acceptable_until` is how long the venue may still take what its last claim sent, by the venue's own clock.
    """

    client_order_id: str
    trade_id: int
    signal_key: str
    symbol: str
    side: Side
    leg: Leg
    type: OrderType
    amount: Decimal
    price: Decimal
    state: OrderState
    created_at: datetime
    expires_at: datetime
    reserved: Decimal = Decimal(0)
    exchange_order_id: str | None = None
    filled: Decimal = Decimal(0)
    attempts: int = 0
    claimed_at: datetime | None = None
    lease_until: datetime | None = None
    acceptable_until: datetime | None = None
    reason: str | None = None
    correlation_id: str = ""

    def __post_init__(self) -> None:
        if self.amount <= 0 or self.price <= 0:
            raise ValueError(f"{self.client_order_id}: amount {self.amount} and price {self.price} must be positive")
        if self.reserved < 0:
            raise ValueError(f"{self.client_order_id}: a reservation cannot be negative, got {self.reserved}")

    @property
    def is_live(self) -> bool:
        """Whether it may still do something."""
        return self.state in LIVE


@dataclass(frozen=True, slots=True)
class Fill:
    """What the venue filled, once per `venue_trade_id`; the commission is in `commission_asset`."""

    venue_trade_id: str
    exchange_order_id: str
    symbol: str
    side: Side
    price: Decimal
    amount: Decimal
    commission: Decimal
    commission_asset: str
    at: datetime

    def __post_init__(self) -> None:
        if self.price <= 0 or self.amount <= 0:
            raise ValueError(
                f"fill {self.venue_trade_id}: price {self.price} and amount {self.amount} must be positive"
            )


@dataclass(frozen=True, slots=True)
class Report:
    """What the venue says of an order: its state there, what is filled, and its fills."""

    exchange_order_id: str
    state: OrderState
    filled: Decimal
    fills: tuple[Fill, ...] = ()


@dataclass(frozen=True, slots=True)
class Stamp:
    """What one claim's request is signed with, and until when the venue may take it; both by the venue's clock."""

    signed_at: datetime
    acceptable_until: datetime


@dataclass(frozen=True, slots=True)
class Search:
    """What the venue says when it is asked in each way there is: `report` is None if none of them shows the order.

    `began_at` is what its clock said before the first question; `in_reach` is whether it tells of orders that old.
    """

    report: Report | None
    began_at: datetime
    in_reach: bool
