"""Trades in the database, as the drain needs them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy import Select, select

from app.domain.orders import LIVE, Leg
from app.domain.portfolio import TradeStatus
from app.domain.protection import Level
from app.domain.risk import ZERO
from app.store.database import Database
from models import OrderRow, SignalRow, TradeRow


class Trades:
    """Open trades and their levels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def levels(self) -> list[Level]:
        """The protective levels of every open trade without a live exit order.

        `attempt` counts its past exits and the protective signals that were refused.
        """
        with self._database.reading() as session:
            opened = select(TradeRow).where(TradeRow.status == TradeStatus.OPEN, TradeRow.left != ZERO)
            trades = session.scalars(opened.order_by(TradeRow.id)).all()
            query = select(OrderRow.trade_id, OrderRow.state).where(
                OrderRow.leg != Leg.ENTRY, OrderRow.trade_id.in_([trade.id for trade in trades])
            )
            exits = session.execute(query).all()
            busy = {trade_id for trade_id, state in exits if state in LIVE}
            attempts = Counter(trade_id for trade_id, _ in exits)
            attempts.update(session.scalars(_refused([trade.id for trade in trades])))
            return [_level(trade, attempts[trade.id]) for trade in trades if trade.id not in busy]

    def raise_peaks(self, peaks: Mapping[int, Decimal]) -> None:
        """Keep new highs of open trades, by trade id; never lowers one."""
        query = select(TradeRow).where(TradeRow.id.in_(sorted(peaks))).order_by(TradeRow.id).with_for_update()
        with self._database.writing() as session:
            for trade in session.scalars(query):
                trade.peak = max(peaks[trade.id], trade.peak or ZERO)


def _refused(trade_ids: Sequence[int]) -> Select[int | None]:
    """The trades of protective signals that came to nothing: the next attempt needs a name of its own."""
    ended = SignalRow.status.in_(("refused", "expired"))
    return select(SignalRow.trade_id).where(SignalRow.trade_id.in_(trade_ids), ended)


def _level(trade: TradeRow, attempt: int) -> Level:
    return Level(
        trade_id=trade.id,
        symbol=trade.symbol,
        stop=_float(trade.stop_price),
        take=_float(trade.take_price),
        trail=_float(trade.trail),
        peak=float(trade.peak or 0),
        attempt=attempt,
    )


def _float(price: Decimal | None) -> float | None:
    return None if price is None else float(price)
