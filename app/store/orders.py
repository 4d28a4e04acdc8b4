"""Orders, their executions and their trades: each method is one transaction, each transition a compare-and-set.

Locks are always taken in the order account, trade, order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, or_, select, text
from sqlalchemy.orm import Session

from app.domain.errors import Missing
from app.domain.market import Instrument
from app.domain.orders import TERMINAL, Fill, Leg, Order, OrderState, Report, Side, follow, proved, told_of
from app.domain.portfolio import CLOCK_ERROR, Passed, TradeStatus, book, pass_on
from app.domain.protection import Protection
from app.store import rows
from app.store.account import locked, no_entries
from app.store.audits import audit
from app.store.database import Database
from models import AccountRow, ExecutionRow, OrderRow, TradeRow
from models.orders import LIVE
from models.trades import HELD


class Orders:
    """Orders by client order id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, client_order_id: str) -> Order:
        """The order, or Missing."""
        with self._database.reading() as session:
            return rows.order(_row(session, client_order_id))

    def claim(
        self, client_order_id: str, *, at: datetime, lease: timedelta, acceptable_until: datetime | None = None
    ) -> Order | None:
        """approved → submitting for whoever comes first (with `claimed_at = at`); None for everyone else.

        The trading state is read in the same transaction: an entry that it no longer allows expires, be it one that
        was approved before the breaker tripped or one that was sent in vain before.
        """
        with self._database.writing() as session:
            leg, trade_id = _leg_and_trade(session, client_order_id)
            forbidden = no_entries(session) if leg == Leg.ENTRY else None
            trade, row = _trade_and_order(session, trade_id, client_order_id)
            if row.state != OrderState.APPROVED:
                return None
            if forbidden:
                _move(session, row, OrderState.EXPIRED, forbidden, at)
                _void_if_nothing_came(session, trade, row, at)
                return None
            row.claimed_at, row.lease_until, row.attempts = at, at + lease, row.attempts + 1
            row.acceptable_until = acceptable_until
            _move(session, row, OrderState.SUBMITTING, None, at)
            return rows.order(row)

    def release(self, order: Order, reason: str, at: datetime) -> Order:
        """submitting or unknown → approved: it was proved that the venue has not got it."""
        return self._transition(order, OrderState.APPROVED, reason, at)

    def accept(self, order: Order, exchange_order_id: str, at: datetime) -> Order:
        """submitting or unknown → open."""
        taken = {"exchange_order_id": exchange_order_id, "submitted_at": at}
        return self._transition(order, OrderState.OPEN, None, at, **taken)

    def doubt(self, order: Order, reason: str, at: datetime) -> Order:
        """submitting → unknown; its reservation is held."""
        return self._transition(order, OrderState.UNKNOWN, reason, at)

    def hold(self, order: Order, reason: str, at: datetime) -> bool:
        """An unknown order stays so, with its reservation, until a person has looked; the reason is audited once."""
        with self._database.writing() as session:
            row = _row(session, order.client_order_id, lock=True)
            if row.state != OrderState.UNKNOWN:
                return False
            is_news = row.reason != reason
            row.reason, row.touched_at = reason, at
            if is_news:
                told = {"client_order_id": row.client_order_id, "trade_id": row.trade_id, "reason": reason}
                audit(session, "order.held", "orders", {**told, "correlation_id": row.correlation_id}, at)
            return is_news

    def hear(self, order: Order, answer: str, said: str, at: datetime) -> None:
        """Keep on record what the venue answered about an unknown order, once until it answers something else."""
        with self._database.writing() as session:
            _, row = _trade_and_order(session, order.trade_id, order.client_order_id)
            if not _is_as_seen(row, order) or row.state != OrderState.UNKNOWN:
                return
            known, row.last_answer = row.last_answer, f"{row.attempts} {answer}"  # each attempt has answers of its own
            if known != row.last_answer:
                row.touched_at = at
                _tell_answer(session, row, answer, said, at)

    def reject(self, order: Order, reason: str, at: datetime) -> Order:
        """→ rejected; the reservation is released, a pending trade becomes void."""
        return self._transition(order, OrderState.REJECTED, reason, at)

    def expire(self, order: Order, reason: str, at: datetime) -> Order:
        """approved or unknown → expired; as reject."""
        return self._transition(order, OrderState.EXPIRED, reason, at)

    def settle(
        self, order: Order, report: Report, *, instrument: Instrument, protection: Protection, at: datetime
    ) -> Order:
        """Book what the venue says: new fills (once each), cash, the trade and its levels, the order's state."""
        with self._database.writing() as session:
            account = locked(session)
            fills = _new_fills(session, report.fills)
            others = _others(session, order.trade_id, fills)
            trade, row = _trade_and_order(session, order.trade_id, order.client_order_id)
            _Booking(session, account, trade, others, row, instrument, protection, at).book(fills)
            state = OrderState(row.state)
            if report.filled >= row.filled:  # a report that knows less than we do is an old one
                state = follow(told_of(state), report.state)
            row.exchange_order_id, row.filled = report.exchange_order_id, max(row.filled, report.filled)
            _move(session, row, state, row.reason, at)
            _void_if_nothing_came(session, trade, row, at)
            return rows.order(row)

    def book_fills(
        self,
        client_order_id: str,
        fills: Sequence[Fill],
        *,
        ended: bool,
        instrument: Instrument,
        protection: Protection,
        at: datetime,
    ) -> Order:
        """Book fills of an order (once each) of which nothing else is known but whether it has `ended` with them."""
        with self._database.writing() as session:
            account = locked(session)
            trade_id = _leg_and_trade(session, client_order_id)[1]
            new = _new_fills(session, fills)
            others = _others(session, trade_id, new)
            trade, row = _trade_and_order(session, trade_id, client_order_id)
            if not new:
                return rows.order(row)
            _Booking(session, account, trade, others, row, instrument, protection, at).book(new)
            row.exchange_order_id = new[0].exchange_order_id
            row.filled += sum((fill.amount for fill in new), Decimal(0))
            if row.state == OrderState.APPROVED:
                _move(session, row, OrderState.UNKNOWN, "it counted as absent, and its fills came", at)
            state = proved(row.filled, row.amount, ended=ended)
            _move(session, row, follow(OrderState(row.state), state), row.reason, at)
            return rows.order(row)

    def live_entries(self) -> list[Order]:
        """Entries that may still buy something, oldest first."""
        query = select(OrderRow).where(text(LIVE), OrderRow.leg == Leg.ENTRY).order_by(OrderRow.id)
        with self._database.reading() as session:
            return [rows.order(row) for row in session.scalars(query)]

    def left_behind(self, at: datetime, patience: timedelta, limit: int) -> list[Order]:
        """Live orders that nobody has touched for `patience`, or whose lease ran out, oldest first."""
        lapsed = and_(OrderRow.state == OrderState.SUBMITTING, OrderRow.lease_until <= at)
        query = (
            select(OrderRow)
            .where(text(LIVE), or_(OrderRow.touched_at < at - patience, lapsed))
            .order_by(OrderRow.touched_at)
            .limit(limit)
        )
        with self._database.reading() as session:
            return [rows.order(row) for row in session.scalars(query)]

    def _transition(self, seen: Order, state: OrderState, reason: str | None, at: datetime, **changes: Any) -> Order:
        """The order after the change; if somebody else was quicker, as it is now, unchanged."""
        with self._database.writing() as session:
            trade, row = _trade_and_order(session, seen.trade_id, seen.client_order_id)
            if not _is_as_seen(row, seen) and not _is_the_claimants(row, seen, state):
                return rows.order(row)
            for name, value in changes.items():
                setattr(row, name, value)
            now = OrderState(row.state) if _is_as_seen(row, seen) else told_of(OrderState(row.state))
            _move(session, row, follow(now, state), reason, at)
            _void_if_nothing_came(session, trade, row, at)
            return rows.order(row)


@dataclass(frozen=True, slots=True)
class _Booking:
    """Where fills are booked: the account is locked, and so are the trade, its order, and the `others`.

    Those are trades of which it may have sold coins, or which may have sold coins of it.
    """

    session: Session
    account: AccountRow
    trade: TradeRow
    others: Sequence[TradeRow]
    order: OrderRow
    instrument: Instrument
    protection: Protection
    at: datetime

    def book(self, fills: Iterable[Fill]) -> None:
        """Each moves the trade, its levels and the cash."""
        for fill in fills:
            booking = book(rows.trade(self.trade), fill, self.instrument, self.at)
            _move_trade(self.session, self.trade, booking.trade.status, self.order, self.at)
            rows.write_trade(self.trade, self.protection.protect(booking.trade))
            self.account.cash += booking.cash
            self.session.add(_execution(self.order, fill))
            _tell_execution(self.session, self.order, fill, self.at)
            self._pass_on(fill)

    def _pass_on(self, fill: Fill) -> None:
        """What was sold beyond what its trade held was another's."""
        trades = {row.id: row for row in (self.trade, *self.others)} if self.others else {}
        for passed in pass_on(map(rows.trade, trades.values()), fill, self.instrument):
            _tell_passed(self.session, self.order, passed, self.at)
            _move_trade(self.session, trades[passed.holder.id], passed.holder.status, self.order, self.at)
            for trade in (passed.seller, passed.holder):
                rows.write_trade(trades[trade.id], trade)


def _is_as_seen(row: OrderRow, seen: Order) -> bool:
    return (row.state, row.attempts) == (seen.state, seen.attempts)


def _is_the_claimants(row: OrderRow, seen: Order, state: OrderState) -> bool:
    """Whoever claimed it may still say what became of it after somebody else has doubted it.

    That the venue has taken it goes before whatever somebody else has concluded since from not seeing it there.
    """
    if seen.state is not OrderState.SUBMITTING or row.attempts != seen.attempts:
        return False
    if state is OrderState.OPEN:
        return row.state in (OrderState.UNKNOWN, OrderState.APPROVED)
    return state is OrderState.REJECTED and row.state == OrderState.UNKNOWN


def _row(session: Session, client_order_id: str, *, lock: bool = False) -> OrderRow:
    query = select(OrderRow).where(OrderRow.client_order_id == client_order_id)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise Missing(f"there is no order {client_order_id}")
    return row


def _leg_and_trade(session: Session, client_order_id: str) -> tuple[str, int]:
    query = select(OrderRow.leg, OrderRow.trade_id).where(OrderRow.client_order_id == client_order_id)
    found = session.execute(query).one_or_none()
    if found is None:
        raise Missing(f"there is no order {client_order_id}")
    return found.leg, found.trade_id


def _trade_and_order(session: Session, trade_id: int, client_order_id: str) -> tuple[TradeRow, OrderRow]:
    trade = session.get_one(TradeRow, trade_id, with_for_update=True)
    return trade, _row(session, client_order_id, lock=True)


def _others(session: Session, trade_id: int, fills: Sequence[Fill]) -> Sequence[TradeRow]:
    """Other trades that may share these new fills of one order, locked; nobody else books while the account is locked.

    If its trade sells more than it holds, those that hold something; if it buys, those that have sold too much since.
    """
    theirs = _sharing(session, trade_id, fills) if fills else ()
    if not theirs:
        return ()
    together = TradeRow.id.in_({trade_id, *theirs})  # in one order, so that no two wait for each other
    found = session.scalars(select(TradeRow).where(together).order_by(TradeRow.id).with_for_update()).all()
    return [one for one in found if one.id != trade_id]


def _sharing(session: Session, trade_id: int, fills: Sequence[Fill]) -> Sequence[int]:
    if fills[0].side == Side.BUY:
        return _overdrawn(session, trade_id, fills[0].symbol)
    figures = select(TradeRow.size, TradeRow.sold_amount).where(TradeRow.id == trade_id)
    size, sold = session.execute(figures).one()  # no row yet: it would be kept as it was before its lock
    if sold + sum(fill.amount for fill in fills) <= size:
        return ()
    return session.scalars(select(TradeRow.id).where(TradeRow.symbol == fills[0].symbol, text(HELD))).all()


def _overdrawn(session: Session, trade_id: int, symbol: str) -> list[int]:
    """Trades that have sold more than they held, some of it since this one was approved: before, it was not its."""
    approved_at = session.scalars(select(TradeRow.timestamp).where(TradeRow.id == trade_id)).one()
    sales = select(ExecutionRow.trade_id).where(
        ExecutionRow.timestamp >= approved_at - CLOCK_ERROR,
        ExecutionRow.symbol == symbol,
        ExecutionRow.side == Side.SELL,
    )
    figures = select(TradeRow.id, TradeRow.size, TradeRow.sold_amount).where(TradeRow.id.in_(sales))
    return [number for number, size, sold in session.execute(figures) if sold > size and number != trade_id]


def _move(session: Session, row: OrderRow, state: OrderState, reason: str | None, at: datetime) -> None:
    if row.state != state:
        change = {
            "client_order_id": row.client_order_id,
            "trade_id": row.trade_id,
            "from": row.state,
            "filled": f"{row.filled:f}",
            "attempt": row.attempts,
            "exchange_order_id": row.exchange_order_id,
            "reason": reason,
            "correlation_id": row.correlation_id,
        }
        audit(session, f"order.{state}", "orders", change, at)
    row.state, row.reason, row.touched_at = state, reason, at


def _move_trade(session: Session, trade: TradeRow, status: TradeStatus, row: OrderRow, at: datetime) -> None:
    if trade.status == status:
        return
    change = {
        "trade_id": trade.id,
        "client_order_id": row.client_order_id,
        "from": trade.status,
        "correlation_id": trade.correlation_id,
    }
    audit(session, f"trade.{status}", "orders", change, at)
    trade.status = status


def _tell_execution(session: Session, row: OrderRow, fill: Fill, at: datetime) -> None:
    told = {
        "client_order_id": row.client_order_id,
        "trade_id": row.trade_id,
        "exchange_order_id": fill.exchange_order_id,
        "venue_trade_id": fill.venue_trade_id,
        "price": f"{fill.price:f}",
        "amount": f"{fill.amount:f}",
        "commission": f"{fill.commission:f}",
        "commission_asset": fill.commission_asset,
        "correlation_id": row.correlation_id,
    }
    audit(session, "execution.booked", "orders", told, at)


def _tell_passed(session: Session, row: OrderRow, passed: Passed, at: datetime) -> None:
    told = {
        "trade_id": passed.holder.id,
        "client_order_id": row.client_order_id,
        "sold_by": passed.seller.id,
        "amount": f"{passed.amount:f}",
        "left": f"{passed.holder.left:f}",
        "correlation_id": row.correlation_id,
    }
    audit(session, "trade.sold_by_another", "orders", told, at)


def _tell_answer(session: Session, row: OrderRow, answer: str, said: str, at: datetime) -> None:
    told = {
        "client_order_id": row.client_order_id,
        "trade_id": row.trade_id,
        "attempt": row.attempts,
        "answer": answer,
        "said": said,
        "correlation_id": row.correlation_id,
    }
    audit(session, "order.looked_up", "orders", told, at)


def _void_if_nothing_came(session: Session, trade: TradeRow, row: OrderRow, at: datetime) -> None:
    ended = OrderState(row.state) in TERMINAL
    if ended and row.leg == Leg.ENTRY and trade.status == TradeStatus.PENDING and trade.bought == Decimal(0):
        _move_trade(session, trade, TradeStatus.VOID, row, at)


def _new_fills(session: Session, fills: Sequence[Fill]) -> list[Fill]:
    """Those that no execution tells of yet, whichever way they came first."""
    if not fills:
        return []
    ids = [fill.venue_trade_id for fill in fills]
    query = select(ExecutionRow.symbol, ExecutionRow.venue_trade_id).where(ExecutionRow.venue_trade_id.in_(ids))
    known = {(symbol, trade_id) for symbol, trade_id in session.execute(query)}
    new: dict[tuple[str, str], Fill] = {(fill.symbol, fill.venue_trade_id): fill for fill in fills}
    return [fill for key, fill in new.items() if key not in known]


def _execution(order: OrderRow, fill: Fill) -> ExecutionRow:
    return ExecutionRow(
        trade_id=order.trade_id,
        exchange_order_id=fill.exchange_order_id,
        client_order_id=order.client_order_id,
        venue_trade_id=fill.venue_trade_id,
        status="filled",
        symbol=fill.symbol,
        side=fill.side,
        price=fill.price,
        amount=fill.amount,
        commission=fill.commission,
        commission_asset=fill.commission_asset,
        timestamp=fill.at,
        correlation_id=order.correlation_id,
    )
