"""One signal under the account's lock: everything it is told commits together, or nothing."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from app.domain.leaving import Entered, Leaving, may_have_sold_more
from app.domain.orders import LIVE, Leg, Order, OrderState
from app.domain.portfolio import Trade, TradeStatus
from app.domain.reconciliation import Difference
from app.domain.risk import SEVERITY, ZERO, Account, Check, TradingState
from app.store import rows, verdicts
from app.store.account import BREAKER, change_state
from models import AccountRow, OrderRow, SignalRow, TradeRow

HOLDS = and_(TradeRow.status == TradeStatus.OPEN, TradeRow.left != ZERO)


class Decision:
    """What an approval sees and may do; see `Decision` in app/steps/ports/store.py."""

    def __init__(self, session: Session, row: AccountRow, signal_key: str, account: Account, at: datetime) -> None:
        self._session = session
        self._account_row = row
        self._signal_row = verdicts.locked(session, signal_key)
        self._at = at
        self._opened: int | None = None
        self.account = account
        self.signal = rows.signal(self._signal_row)
        self.order = self._order_of_the_signal()
        self.refused = self._signal_row.status in verdicts.REFUSED
        self._leaving = Leaving.of(self.signal, self._entered()) if self.signal.is_exit else Leaving()
        self.trade, self.nothing_to_leave = self._leaving.trade, self._leaving.objection
        self.out_since = None if self.signal.is_exit else self._out_since()
        exits = [] if self.trade is None else self._exits(self.trade)
        self.exit_is_live = any(state in LIVE for state, _ in exits)
        self.past_exits = len(exits)
        self.exit_was_refused = bool(exits) and exits[-1][0] == OrderState.REJECTED
        self.has_waited = self.exit_was_refused and self._came_to_nothing(exits[-1][1])
        unsure = any(may_have_sold_more(state, ended_at, at) for state, ended_at in exits)
        self.of_others = self._of_others() if unsure else ZERO

    def trip(self, state: TradingState, reason: str) -> None:
        """Make the trading state stricter; `account` shows it at once."""
        if SEVERITY[state] <= SEVERITY[self.account.state]:
            return
        change_state(self._session, self._account_row, state, reason, BREAKER, self._at)
        self.account = replace(self.account, state=state)

    def record(self, checks: Iterable[Check]) -> None:
        """Keep the checks as `risk_events` of the trade that is left or was opened, if there is one."""
        trade_id = self.trade.id if self.trade else self._opened
        verdicts.record(self._session, self._signal_row, checks, self._at, trade_id)

    def open_trade(self, strategy: str) -> int:
        """A new pending trade of the signal's symbol; returns its id."""
        row = TradeRow(
            symbol=self.signal.symbol,
            direction="long",
            timestamp=self._at,
            signal_key=self.signal.key,
            correlation_id=self.signal.correlation_id,
        )
        rows.write_trade(row, Trade(0, self.signal.symbol, strategy, TradeStatus.PENDING, self._at))
        self._session.add(row)
        self._session.flush()
        self._opened = row.id
        self._tell("trade.pending", trade_id=row.id, strategy=strategy)
        return row.id

    def leave(self) -> None:
        """Keep with every trade that this exit is about that it is to be left; the first wish stays."""
        for trade in self._leaving.trades:
            row = self._session.get_one(TradeRow, trade.id)
            if row.leaving_key is None:
                row.leaving_key = self.signal.key
                self._tell("trade.leaving", trade_id=trade.id, leg=self.signal.leg, reason=self.signal.reason)

    def approve(self, order: Order) -> None:
        """Keep the order, approved, with its reservation."""
        values = {name: getattr(order, name) for name in rows.ORDER_FIELDS}
        self._session.add(OrderRow(**values, touched_at=self._at))
        told = {"client_order_id": order.client_order_id, "leg": order.leg, "trade_id": order.trade_id}
        self._tell("order.approved", **told, reserved=f"{order.reserved:f}")
        self._close("approved", None)

    def refuse(self, reason: str) -> None:
        """Close the signal without an order."""
        self._close("refused", reason)

    def differs(self, difference: Difference) -> None:
        """Keep on record what the venue says otherwise, as a reconciliation does."""
        self._tell("reconcile.difference", **asdict(difference))

    def close_as_dust(self) -> None:
        """End `trade` though it holds something: the venue lets nobody sell so little."""
        assert self.trade is not None
        row = self._session.get_one(TradeRow, self.trade.id, with_for_update=True)
        row.status, row.closed_at = TradeStatus.CLOSED, self._at
        told = {"from": self.trade.status, "left": f"{row.left:f}", "reason": "dust"}
        self._tell("trade.closed", trade_id=row.id, **told)

    def _close(self, status: str, reason: str | None) -> None:
        verdicts.close(self._session, self._signal_row, status, reason, self._at)

    def _tell(self, event: str, **data: Any) -> None:
        verdicts.tell(self._session, self._signal_row, event, self._at, **data)

    def _order_of_the_signal(self) -> Order | None:
        row = self._session.scalar(select(OrderRow).where(OrderRow.signal_key == self.signal.key))
        return None if row is None else rows.order(row)

    def _entered(self) -> list[Entered]:
        """Trades of the symbol, or the one that the signal names, that hold something or may soon; oldest first."""
        query = (
            select(TradeRow, SignalRow.timestamp)
            .join(SignalRow, SignalRow.key == TradeRow.signal_key, isouter=True)
            .where(TradeRow.symbol == self.signal.symbol, or_(HOLDS, TradeRow.status == TradeStatus.PENDING))
        )
        if self.signal.trade_id is not None:
            query = query.where(TradeRow.id == self.signal.trade_id)
        found = self._session.execute(query.order_by(TradeRow.id))
        return [Entered(rows.trade(row), bar_end or row.timestamp) for row, bar_end in found]

    def _out_since(self) -> datetime | None:
        """The newest bar, if newer than the signal's, on which its strategy wished to leave its symbol."""
        mine = SignalRow.symbol == self.signal.symbol, SignalRow.strategy == self.signal.strategy
        wished = SignalRow.leg == Leg.STRATEGY_EXIT, SignalRow.trade_id.is_(None)
        newest = select(func.max(SignalRow.timestamp, type_=SignalRow.timestamp.type)).where(*mine, *wished)
        return self._session.scalar(newest.where(SignalRow.timestamp > self.signal.bar_end))

    def _exits(self, trade: Trade) -> list[tuple[str, datetime]]:
        """State of each exit order of a trade, and when that was last touched; oldest first."""
        query = select(OrderRow.state, OrderRow.touched_at).where(
            OrderRow.trade_id == trade.id, OrderRow.leg != Leg.ENTRY
        )
        return [(state, at) for state, at in self._session.execute(query.order_by(OrderRow.created_at, OrderRow.id))]

    def _of_others(self) -> Decimal:
        """What other trades of the symbol hold and nobody is selling: what is being sold is not free at the venue."""
        leaving = exists().where(
            OrderRow.trade_id == TradeRow.id, OrderRow.leg != Leg.ENTRY, OrderRow.state.in_(sorted(LIVE))
        )
        mine = None if self.trade is None else self.trade.id
        others = TradeRow.symbol == self.signal.symbol, TradeRow.id != mine
        query = select(TradeRow.left).where(*others, HOLDS, ~leaving)
        return sum(self._session.scalars(query), ZERO)

    def _came_to_nothing(self, since: datetime) -> bool:
        """Whether a wish to leave the trade was refused since then."""
        ended = SignalRow.status.in_(verdicts.REFUSED), SignalRow.decided_at >= since
        mine = SignalRow.trade_id == (None if self.trade is None else self.trade.id)
        return bool(self._session.scalar(select(exists().where(mine, *ended))))
