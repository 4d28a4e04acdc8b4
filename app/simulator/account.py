"""The account at the venue: what is free, what orders hold, what was traded; nothing can go below zero."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from app.domain.orders import Side
from app.simulator.market import Listing
from app.simulator.matching import ZERO, Kind


class Status(StrEnum):
    """MEXC's order statuses."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    PARTIALLY_CANCELED = "PARTIALLY_CANCELED"


WORKING = frozenset({Status.NEW, Status.PARTIALLY_FILLED})


class Insufficient(Exception):
    """There is not as much free as this needs."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What is free and what is locked of one asset."""

    free: Decimal = ZERO
    locked: Decimal = ZERO

    def __post_init__(self) -> None:
        if self.free < 0 or self.locked < 0:
            raise Insufficient(f"free {self.free}, locked {self.locked}")


@dataclass(frozen=True, slots=True)
class Fees:
    """Shares of the notional; in base currency only what is bought pays in base currency."""

    maker: Decimal = Decimal("0.0005")
    taker: Decimal = Decimal("0.0005")
    in_base: bool = False

    def __post_init__(self) -> None:
        if self.maker < 0 or self.taker < 0:
            raise ValueError(f"fees cannot be negative, got {self.maker} and {self.taker}")

    @property
    def highest(self) -> Decimal:
        """What a reservation reckons with."""
        return max(self.maker, self.taker)


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order as the venue keeps it. `locked` is what it holds of its asset while it works."""

    id: str
    client_id: str
    symbol: str
    side: Side
    kind: Kind
    price: Decimal
    quantity: Decimal
    budget: Decimal
    created_ms: int
    updated_ms: int
    status: Status = Status.NEW
    executed: Decimal = ZERO
    executed_quote: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def left(self) -> Decimal:
        """What is not filled, in base currency."""
        return max(ZERO, self.quantity - self.executed)


@dataclass(frozen=True, slots=True)
class AccountTrade:
    """One fill of one order."""

    id: str
    order_id: str
    client_id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    time_ms: int

    @property
    def quote(self) -> Decimal:
        """Its notional."""
        return self.price * self.quantity


@dataclass(slots=True)
class Change:
    """What one operation did: orders and balances as they are now, and new trades."""

    orders: dict[str, VenueOrder] = field(default_factory=dict)
    trades: list[AccountTrade] = field(default_factory=list)
    balances: dict[str, Balance] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.orders or self.trades or self.balances)


class Account:
    """Balances, orders and trades; every operation either happens wholly or raises Insufficient."""

    def __init__(self, balances: Mapping[str, Decimal], fees: Fees) -> None:
        self.fees = fees
        self.balances = {asset: Balance(amount) for asset, amount in balances.items()}
        self.orders: dict[str, VenueOrder] = {}
        self.by_client: dict[str, str] = {}
        self.working: defaultdict[str, dict[str, VenueOrder]] = defaultdict(dict)
        self.trades: defaultdict[str, list[AccountTrade]] = defaultdict(list)
        self._change = Change()
        self._last_id = 0

    def balance(self, asset: str) -> Balance:
        """What there is of an asset."""
        return self.balances.get(asset, Balance())

    def open(self, order: VenueOrder, listing: Listing, holds: Decimal) -> VenueOrder:
        """Take an order in and lock what it holds: quote currency to buy, base currency to sell."""
        asset = held_asset(order, listing)
        have = self.balance(asset)
        if have.free < holds:
            raise Insufficient(f"{asset}: free {have.free}, needed {holds}")
        self._set(asset, Balance(have.free - holds, have.locked + holds))
        return self._keep(replace(order, locked=holds))

    def fill(
        self, order_id: str, listing: Listing, price: Decimal, quantity: Decimal, *, maker: bool, time_ms: int
    ) -> AccountTrade:
        """Exchange what an order holds for what it wants, less the fee."""
        order = self.orders[order_id]
        quote = price * quantity
        rate = self.fees.maker if maker else self.fees.taker
        fee, fee_asset = self._fee(order, listing, quantity, quote, rate)
        executed = order.executed + quantity
        if order.side is Side.BUY:
            spent = quote + (fee if fee_asset == listing.quote else ZERO)
            gained, gains = quantity - (fee if fee_asset == listing.base else ZERO), listing.base
        else:
            spent, gained, gains = quantity, quote - fee, listing.quote
        asset = held_asset(order, listing)
        self._set(asset, Balance(self.balance(asset).free, self.balance(asset).locked - spent))
        self._set(gains, Balance(self.balance(gains).free + gained, self.balance(gains).locked))
        self._keep(
            replace(
                order,
                executed=executed,
                executed_quote=order.executed_quote + quote,
                locked=order.locked - spent,
                status=Status.PARTIALLY_FILLED,
                updated_ms=time_ms,
            )
        )
        trade = AccountTrade(
            f"{self.next_id(time_ms)}X1", order.id, order.client_id, order.symbol, order.side, price, quantity,
            fee, fee_asset, maker, time_ms,
        )  # fmt: skip
        self.trades[order.symbol].append(trade)
        self._change.trades.append(trade)
        return trade

    def tighten(self, order_id: str, listing: Listing) -> None:
        """Give back what a resting order no longer needs, after a fill below its price."""
        order = self.orders[order_id]
        needs = reserved(order.side, order.left, order.price, self.fees)
        self._release(order, listing, max(ZERO, order.locked - needs))

    def close(self, order_id: str, listing: Listing, status: Status, time_ms: int) -> VenueOrder:
        """End an order and free what it still holds."""
        order = self.orders[order_id]
        self._release(order, listing, order.locked)
        return self._keep(replace(self.orders[order_id], status=status, updated_ms=time_ms))

    def commit(self) -> Change:
        """What changed since the last commit."""
        change, self._change = self._change, Change()
        return change

    def restore(self, change: Change) -> None:
        """Apply what was once committed."""
        self.balances.update(change.balances)
        for order in change.orders.values():
            self._keep(order)
            self._last_id = max(self._last_id, number_of(order.id))
        for trade in change.trades:
            self.trades[trade.symbol].append(trade)
            self._last_id = max(self._last_id, number_of(trade.id))
        self._change = Change()

    def forget(self, since_ms: int) -> None:
        """Let go of trades before, and of orders that ended before."""
        for order in tuple(self.orders.values()):
            if order.updated_ms < since_ms and order.status not in WORKING:
                del self.orders[order.id]
                if self.by_client.get(order.client_id) == order.id:
                    del self.by_client[order.client_id]
        for symbol, trades in self.trades.items():
            self.trades[symbol] = [trade for trade in trades if trade.time_ms >= since_ms]

    def named(self, order_id: str | None, client_id: str | None) -> VenueOrder | None:
        """The order with this id, or the latest with this client id."""
        return self.orders.get(order_id or self.by_client.get(client_id or "", ""))

    def resting(self, symbol: str) -> Iterator[VenueOrder]:
        """Orders of a symbol that work, oldest first."""
        yield from tuple(self.working.get(symbol, {}).values())

    def next_id(self, time_ms: int) -> int:
        """A number that rises, also over restarts."""
        self._last_id = max(self._last_id + 1, time_ms * 1000)
        return self._last_id

    def _fee(
        self, order: VenueOrder, listing: Listing, quantity: Decimal, quote: Decimal, rate: Decimal
    ) -> tuple[Decimal, str]:
        if self.fees.in_base and order.side is Side.BUY:
            return quantity * rate, listing.base
        return quote * rate, listing.quote

    def _release(self, order: VenueOrder, listing: Listing, amount: Decimal) -> None:
        if not amount:
            return
        asset = held_asset(order, listing)
        have = self.balance(asset)
        self._set(asset, Balance(have.free + amount, have.locked - amount))
        self._keep(replace(order, locked=order.locked - amount))

    def _set(self, asset: str, balance: Balance) -> None:
        self.balances[asset] = self._change.balances[asset] = balance

    def _keep(self, order: VenueOrder) -> VenueOrder:
        self.orders[order.id] = self._change.orders[order.id] = order
        if order.client_id:
            self.by_client[order.client_id] = order.id
        if order.status in WORKING:
            self.working[order.symbol][order.id] = order
        else:
            self.working[order.symbol].pop(order.id, None)
        return order


def held_asset(order: VenueOrder, listing: Listing) -> str:
    """What an order gives: quote currency to buy, base currency to sell."""
    return listing.quote if order.side is Side.BUY else listing.base


def reserved(side: Side, quantity: Decimal, price: Decimal, fees: Fees) -> Decimal:
    """What an order must hold so that it can always be filled and its fee paid."""
    if side is Side.SELL:
        return quantity
    return quantity * price * (1 + fees.highest)


def number_of(identity: str) -> int:
    """The number within an order's or a trade's id."""
    return int(identity.removeprefix("C02__").partition("X")[0])
