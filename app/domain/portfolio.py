"""Trades and the money in them: what each fill does to a trade and to the cash."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import product

from app.domain.market import Instrument
from app.domain.orders import Fill, Side
from app.domain.risk import ZERO

CLOCK_ERROR = timedelta(minutes=1)  # between ours, which says when a trade was approved, and the venue's
PLACES = 8  # of proceeds that are shared: any store keeps them exactly, so that both shares are the whole


class TradeStatus(StrEnum):
    """`pending` until its entry fills, `void` if it never did."""

    PENDING = "pending"
    OPEN = "open"
    CLOSED = "closed"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Mark:
    """A price in quote currency, and when the market made it."""

    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Trade:
    """Our round trip, long only. Amounts are in base, prices, proceeds and fees in quote currency.

    `size` is what was bought (after fees in base currency), `left` what is still held; `bought` and `sold`
    are the notionals of the entry and the exit; `leaving_key` names the signal that first wanted it left. `mark` is
    the newest price that was written down with it, by a fill or a valuation, and `marked_at` when the market made it.
    """

    id: int
    symbol: str
    strategy: str
    status: TradeStatus
    opened_at: datetime
    size: Decimal = ZERO
    left: Decimal = ZERO
    entry_price: Decimal | None = None
    exit_price: Decimal | None = None
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    bought_amount: Decimal = ZERO
    sold_amount: Decimal = ZERO
    fees: Decimal = ZERO
    stop_price: Decimal | None = None
    take_price: Decimal | None = None
    trail: Decimal | None = None
    peak: Decimal | None = None
    leaving_key: str | None = None
    mark: Decimal | None = None
    marked_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def last_mark(self) -> Mark:
        """The newest price written down with it; its entry price only if there is none since."""
        if self.mark is None or self.marked_at is None:
            return Mark(self.entry_price or ZERO, self.opened_at)
        return Mark(self.mark, self.marked_at)

    @property
    def realised(self) -> Decimal:
        """Profit after fees of a closed trade; of an open one, its cash flow so far."""
        return self.sold - self.bought - self.fees

    @property
    def overdrawn(self) -> Decimal:
        """What it has sold beyond what it held."""
        return max(ZERO, self.sold_amount - self.size)

    def value(self, mark: Decimal) -> Decimal:
        """What is still held, at a price."""
        return self.left * mark


@dataclass(frozen=True, slots=True)
class Booking:
    """A trade after a fill, and what the fill did to the cash."""

    trade: Trade
    cash: Decimal


def book(trade: Trade, fill: Fill, instrument: Instrument, at: datetime) -> Booking:
    """The trade after one fill, which is heard of now; never call it twice for one venue trade id.

    A fee in base currency is less to hold and nothing else: counted among `fees` too, it would be paid twice.
    """
    fee_in_base = fill.commission if fill.commission_asset == instrument.base else ZERO
    fee_in_cash = fill.commission if fill.commission_asset == instrument.quote else ZERO
    notional = fill.price * fill.amount
    trade = _marked(trade, fill, at)
    if fill.side is Side.BUY:
        return Booking(_bought(trade, fill, notional, fee_in_cash, instrument, fee_in_base), -notional - fee_in_cash)
    return Booking(_sold(trade, fill, notional, fee_in_cash, instrument, fee_in_base), notional - fee_in_cash)


@dataclass(frozen=True, slots=True)
class Passed:
    """So much of what the seller sold was the holder's; both as they are after that."""

    seller: Trade
    holder: Trade
    amount: Decimal


def pass_on(trades: Iterable[Trade], fill: Fill, instrument: Instrument) -> Iterator[Passed]:
    """Make what some of these trades of a symbol sold beyond what they held sales of those whose coins it was.

    Of open ones before the dust of closed ones, of the oldest first. The proceeds, at the seller's average, go with the
    coins; the fees stay with the trade that ordered the sale. `fill` is what was just booked.
    """
    now = {one.id: one for one in sorted(trades, key=lambda one: (one.status is not TradeStatus.OPEN, one.id))}
    for seller, holder in product([one.id for one in now.values() if one.overdrawn], now):
        amount = min(now[seller].overdrawn, now[holder].left)
        if amount > 0:
            now[seller], now[holder] = _passed(now[seller], now[holder], amount, fill, instrument)
            yield Passed(now[seller], now[holder], amount)


def _passed(seller: Trade, holder: Trade, amount: Decimal, fill: Fill, instrument: Instrument) -> tuple[Trade, Trade]:
    kept = seller.sold_amount - amount
    proceeds = round(seller.sold * amount / seller.sold_amount, PLACES) if kept else seller.sold
    sold = seller.sold - proceeds
    without = replace(seller, sold=sold, sold_amount=kept, exit_price=sold / kept if kept else None)
    now_sold = holder.sold + proceeds, holder.sold_amount + amount
    return without, _with_sales(holder, *now_sold, fill.price, instrument, holder.closed_at or fill.at)


def _marked(trade: Trade, fill: Fill, at: datetime) -> Trade:
    """With the fill's price as its mark, unless a newer one is known; no newer than now, if a venue is ahead of us."""
    marked_at = min(fill.at, at)
    if trade.marked_at is not None and trade.marked_at > marked_at:
        return trade
    return replace(trade, mark=fill.price, marked_at=marked_at)


def _bought(
    trade: Trade, fill: Fill, notional: Decimal, fee: Decimal, instrument: Instrument, fee_in_base: Decimal
) -> Trade:
    bought, amount = trade.bought + notional, trade.bought_amount + fill.amount
    size = trade.size + fill.amount - fee_in_base
    left = _left(size, trade.sold_amount)
    done = trade.sold_amount > 0 and is_dust(left, fill.price, instrument)  # an exit was booked before its entry
    return replace(
        trade,
        status=TradeStatus.CLOSED if done else TradeStatus.OPEN,
        bought=bought,
        bought_amount=amount,
        size=size,
        left=left,
        entry_price=bought / amount,
        fees=trade.fees + fee,
        peak=max(trade.peak or fill.price, fill.price),
        closed_at=(trade.closed_at or fill.at) if done else None,
    )


def _sold(
    trade: Trade, fill: Fill, notional: Decimal, fee: Decimal, instrument: Instrument, fee_in_base: Decimal
) -> Trade:
    paid = replace(trade, size=trade.size - fee_in_base, fees=trade.fees + fee)
    sold, amount = trade.sold + notional, trade.sold_amount + fill.amount
    return _with_sales(paid, sold, amount, fill.price, instrument, fill.at)


def _with_sales(
    trade: Trade, sold: Decimal, amount: Decimal, price: Decimal, instrument: Instrument, at: datetime
) -> Trade:
    left = _left(trade.size, amount)
    done = is_dust(left, price, instrument)
    return replace(
        trade,
        status=TradeStatus.CLOSED if done else TradeStatus.OPEN,
        sold=sold,
        sold_amount=amount,
        left=left,
        exit_price=sold / amount,
        closed_at=at if done else None,
    )


def _left(size: Decimal, sold_amount: Decimal) -> Decimal:
    """What is held, whichever of late fills was booked first: an exit may come before the entry that it sold."""
    return max(ZERO, size - sold_amount)


def fee_in_quote(fill: Fill, instrument: Instrument) -> Decimal:
    """The commission at the fill's price; a fee in a third coin counts as zero here and stays in its row."""
    if fill.commission_asset == instrument.quote:
        return fill.commission
    if fill.commission_asset == instrument.base:
        return fill.commission * fill.price
    return ZERO


def is_dust(amount: Decimal, price: Decimal, instrument: Instrument) -> bool:
    """Whether the venue would refuse to sell it for being too little."""
    sellable = instrument.floor_amount(amount)
    return sellable < instrument.min_amount or sellable <= 0 or sellable * price < instrument.min_notional
