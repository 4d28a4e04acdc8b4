"""Our books as a reconciliation reads them, and what it found."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.orm import Session

from app.domain.balances import Balances, Move, move
from app.domain.looks import MONTH, Cursor, Look, Traded
from app.domain.orders import OrderState, Side
from app.domain.portfolio import TradeStatus
from app.domain.reconciliation import Difference, KnownOrder, Ours, Snapshot, VenueFill, VenueOrder
from app.domain.risk import ZERO
from app.store.account import held, locked, opened
from app.store.audits import audit
from app.store.database import Database
from models import THE_ACCOUNT, AccountRow, CursorRow, ExecutionRow, OrderRow, TradeRow
from models.orders import LIVE

LONGEST_LIFE = timedelta(days=1)  # no order of ours works longer
AT_ONCE = 500  # names in one question


class Books:
    """Cash, coins, orders and executions beside how far they were compared."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, at: datetime, moves_since: datetime | None = None) -> Snapshot:
        """All in one moment; NotOpenYet before there is an account."""
        with self._database.reading() as session:
            account = opened(session.get(AccountRow, THE_ACCOUNT))
            trades = session.scalars(select(TradeRow).where(held())).all()
            live = [_known(row) for row in session.execute(_orders().where(text(LIVE)))]
            cursors = {(one.symbol, one.look): one for one in map(_cursor, session.scalars(select(CursorRow)))}
            return Snapshot(
                cash=account.cash,
                coins=_coins(trades),
                traded=_traded(session, trades, live, _since(at, cursors.values())),
                live=live,
                reconciled_at=account.reconciled_at,
                differences=tuple(Difference(**one) for one in account.differences or ()),
                cursors=cursors,
                balances=_balances(account.balances),
                moves=[] if moves_since is None else list(_moves(session, moves_since)),
            )

    def matching(self, shown: Sequence[VenueOrder], fills: Sequence[VenueFill]) -> Ours:
        """What our books hold of the orders and fills that the venue has shown."""
        names = ({one.client_order_id for one in shown} | {one.client_order_id for one in fills}) - {""}
        numbers = {one.exchange_order_id for one in shown} | {one.fill.exchange_order_id for one in fills}
        ids = {one.fill.venue_trade_id for one in fills}
        orders: dict[str, KnownOrder] = {}
        executions: set[tuple[str, str]] = set()
        with self._database.reading() as session:
            named = [OrderRow.client_order_id.in_(some) for some in _parts(names)]
            numbered = [OrderRow.exchange_order_id.in_(some) for some in _parts(numbers)]
            for query in (_orders().where(either) for either in (*named, *numbered)):
                orders |= {one.client_order_id: one for one in map(_known, session.execute(query))}
            for some in _parts(ids):
                symbols = ExecutionRow.symbol.in_({one.fill.symbol for one in fills})
                booked = select(ExecutionRow.symbol, ExecutionRow.venue_trade_id).where(symbols)
                found = session.execute(booked.where(ExecutionRow.venue_trade_id.in_(some)))
                executions |= {(symbol, number) for symbol, number in found}
        return Ours(list(orders.values()), frozenset(executions))

    def keep(
        self,
        differences: Iterable[Difference],
        at: datetime | None,
        *,
        cursors: Iterable[Cursor] = (),
        balances: Balances | None = None,
    ) -> None:
        """Keep what a run has found; `at` is up to when the books were found to agree otherwise."""
        with self._database.writing() as session:
            row = locked(session)
            row.differences = [asdict(one) for one in differences]
            row.balances = None if balances is None else _plain(balances)
            for one in cursors:
                session.merge(CursorRow(**asdict(one)))
            if at is not None:
                row.reconciled_at = max(at, row.reconciled_at or at)

    def forget(self) -> None:
        """Nothing is reconciled since the start: no entry until it is again."""
        with self._database.writing() as session:
            row = session.get(AccountRow, THE_ACCOUNT, with_for_update=True)
            if row is not None:
                row.reconciled_at = None
            session.execute(update(CursorRow).values(since_start=False))

    def accept_gaps(self, reason: str, by: str, at: datetime) -> list[str]:
        """A person has looked at what the venue does not tell any more, audited; the symbols of these gaps."""
        with self._database.writing() as session:
            row = locked(session)
            gaps = sorted(one["subject"] for one in row.differences or () if one["kind"] == "gap")
            if gaps:
                row.differences = [one for one in row.differences or () if one["kind"] != "gap"]
                audit(session, "reconcile.accepted", "reconcile", {"gaps": gaps, "reason": reason, "by": by}, at)
            return gaps

    def adopt(self, cash: Decimal, reason: str, by: str, at: datetime) -> Decimal | None:
        """Set the cash, audited, and return what it was; None if an order is live, which may move it any moment.

        The day's marks move with it: money that came or went is no profit and no loss.
        """
        with self._database.writing() as session:
            row = locked(session)
            if session.scalar(select(OrderRow.id).where(text(LIVE)).limit(1)) is not None:
                return None
            before = row.cash
            moved = cash - before
            row.cash, row.equity = cash, row.equity + moved
            row.balances = None  # they are of the time before
            row.day_open, row.day_high = row.day_open + moved, row.day_high + moved
            told = {"from": f"{before:f}", "to": f"{cash:f}", "reason": reason, "by": by}
            audit(session, "account.adopted", "reconcile", told, at)
            return before


def _orders() -> Any:
    return select(
        OrderRow.client_order_id,
        OrderRow.exchange_order_id,
        OrderRow.symbol,
        OrderRow.state,
        OrderRow.filled,
        OrderRow.claimed_at,
    )


def _known(row: Any) -> KnownOrder:
    name, number, symbol, state, filled, claimed_at = row
    return KnownOrder(name, number, symbol, OrderState(state), filled, claimed_at)


def _cursor(row: CursorRow) -> Cursor:
    return Cursor(row.symbol, Look(row.look), row.done_at, row.since_start, row.begun_at, row.back_to)


def _coins(trades: Iterable[TradeRow]) -> dict[str, Decimal]:
    coins: dict[str, Decimal] = {}
    for trade in trades:
        base = trade.symbol.partition("/")[0]
        coins[base] = coins.get(base, ZERO) + trade.left
    return coins


def _since(at: datetime, cursors: Iterable[Cursor]) -> datetime:
    """A month; and after a longer rest, so far back that what was ordered just before it is among it."""
    latest = max((one.done_at for one in cursors if one.look is Look.FILLS and one.done_at), default=at)
    return min(at - MONTH, latest - 2 * LONGEST_LIFE)


def _traded(
    session: Session, trades: Iterable[TradeRow], live: Iterable[KnownOrder], since: datetime
) -> dict[str, Traded]:
    """Symbols that were ordered since then, or of which there is a trade or an order now."""
    held_since: dict[str, datetime] = {}
    for trade in trades:
        if trade.status != TradeStatus.CLOSED:
            held_since[trade.symbol] = min(trade.timestamp, held_since.get(trade.symbol, trade.timestamp))
    lives = {one.symbol for one in live}
    first = func.min(OrderRow.created_at, type_=OrderRow.created_at.type)
    last = func.max(OrderRow.touched_at, type_=OrderRow.touched_at.type)
    query = select(OrderRow.symbol, first, last).where(or_(text(LIVE), OrderRow.created_at >= since))
    ordered = {symbol: times for symbol, *times in session.execute(query.group_by(OrderRow.symbol))}
    found = {}
    for symbol in sorted(held_since.keys() | ordered.keys()):
        first_at, touched_at = ordered.get(symbol) or (held_since[symbol], held_since[symbol])
        found[symbol] = Traded(first_at, touched_at, is_held=symbol in held_since, is_live=symbol in lives)
    return found


def _moves(session: Session, since: datetime) -> Iterator[Move]:
    for one in session.scalars(select(ExecutionRow).where(ExecutionRow.timestamp >= since)):
        yield move(
            one.symbol, Side(one.side), one.price, one.amount, one.commission, one.commission_asset, one.timestamp
        )


def _balances(kept: Mapping[str, Any] | None) -> Balances | None:
    if kept is None:
        return None
    since, until = datetime.fromisoformat(kept["since"]), datetime.fromisoformat(kept["until"])
    return Balances(since, until, {name: Decimal(amount) for name, amount in kept["amounts"].items()})


def _plain(balances: Balances) -> dict[str, Any]:
    amounts = {name: f"{amount:f}" for name, amount in balances.amounts.items()}
    return {"since": balances.since.isoformat(), "until": balances.until.isoformat(), "amounts": amounts}


def _parts(names: Iterable[str]) -> Iterator[list[str]]:
    every = sorted(names)
    for first in range(0, len(every), AT_ONCE):
        yield every[first : first + AT_ONCE]
