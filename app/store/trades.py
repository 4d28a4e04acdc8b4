"""Trades in the database, as the drain needs them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Select, and_, or_, select, text
from sqlalchemy.orm import Session

from app.domain.market import microseconds
from app.domain.orders import LIVE as LIVE_STATES
from app.domain.orders import Leg
from app.domain.portfolio import TradeStatus
from app.domain.protection import Level, rest_after
from app.domain.risk import ZERO
from app.domain.unprotected import Held, Spell
from app.store import verdicts
from app.store.database import Database
from models import OrderRow, SignalRow, TradeRow
from models.orders import LIVE


class Trades:
    """Open trades and their levels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def levels(self) -> list[Level]:
        """The protective levels of every open trade without a live exit order.

        `attempt` counts its past exits and the protective signals that were refused; it rests longer after each.
        """
        with self._database.reading() as session:
            opened = select(TradeRow).where(TradeRow.status == TradeStatus.OPEN, TradeRow.left != ZERO)
            trades = session.scalars(opened.order_by(TradeRow.id)).all()
            numbers = [trade.id for trade in trades]
            query = select(OrderRow.trade_id, OrderRow.state, OrderRow.touched_at).where(
                OrderRow.leg != Leg.ENTRY, OrderRow.trade_id.in_(numbers)
            )
            exits = session.execute(query).all()
            busy = {trade_id for trade_id, state, _ in exits if state in LIVE_STATES}
            ended: dict[int, list[datetime]] = {number: [] for number in numbers}
            for trade_id, at in (*((number, at) for number, _, at in exits), *session.execute(_refused(numbers))):
                ended[trade_id].append(at)
            return [_level(trade, ended[trade.id]) for trade in trades if trade.id not in busy]

    def raise_peaks(self, peaks: Mapping[int, Decimal]) -> None:
        """Keep new highs of open trades, by trade id; never lowers one."""
        query = select(TradeRow).where(TradeRow.id.in_(sorted(peaks))).order_by(TradeRow.id).with_for_update()
        with self._database.writing() as session:
            for trade in session.scalars(query):
                trade.peak = max(peaks[trade.id], trade.peak or ZERO)

    def watched(self) -> list[Held]:
        """Open trades that hold something, and those that were closed while they were not protected."""
        with self._database.reading() as session:
            holds = and_(TradeRow.status == TradeStatus.OPEN, TradeRow.left != ZERO)
            query = select(TradeRow).where(or_(holds, TradeRow.unprotected_since.is_not(None)))
            trades = session.scalars(query.order_by(TradeRow.id)).all()
            leaving = _leaving([trade.id for trade in trades], session)
            return [_held(trade, leaving.get(trade.id)) for trade in trades]

    def keep_spells(self, spells: Mapping[int, Spell]) -> None:
        """Keep for how long trades were not protected, by trade id."""
        query = select(TradeRow).where(TradeRow.id.in_(sorted(spells))).order_by(TradeRow.id).with_for_update()
        with self._database.writing() as session:
            for trade in session.scalars(query):
                spell = spells[trade.id]
                trade.unprotected_since, trade.unprotected_s = spell.since, spell.past_s
                trade.unprotected_told = spell.told


def _leaving(trade_ids: Sequence[int], session: Session) -> dict[int, datetime]:
    """When the exit was wanted that each of these trades has under way: its signal waits, or its order lives."""
    waiting = select(SignalRow.trade_id, SignalRow.found_at).where(
        SignalRow.status == "found", SignalRow.trade_id.in_(trade_ids)
    )
    ordered = (
        select(OrderRow.trade_id, SignalRow.found_at)
        .join(SignalRow, SignalRow.key == OrderRow.signal_key)
        .where(OrderRow.leg != Leg.ENTRY, OrderRow.trade_id.in_(trade_ids), text(LIVE))
    )
    wanted: dict[int, datetime] = {}
    for trade_id, found_at in (*session.execute(waiting), *session.execute(ordered)):
        wanted[trade_id] = min(found_at, wanted.get(trade_id, found_at))
    return wanted


def _held(trade: TradeRow, leaving_since: datetime | None) -> Held:
    spell = Spell(trade.unprotected_since, trade.unprotected_s, trade.unprotected_told)
    return Held(trade.id, trade.symbol, spell, leaving_since, trade.closed_at)


def _refused(trade_ids: Sequence[int]) -> Select[int | None, datetime | None]:
    """Trade and time of protective signals that came to nothing: the next attempt needs a name of its own."""
    ended = SignalRow.status.in_(verdicts.REFUSED)
    return select(SignalRow.trade_id, SignalRow.decided_at).where(SignalRow.trade_id.in_(trade_ids), ended)


def _level(trade: TradeRow, ended: Sequence[datetime]) -> Level:
    return Level(
        trade_id=trade.id,
        symbol=trade.symbol,
        stop=_float(trade.stop_price),
        take=_float(trade.take_price),
        trail=_float(trade.trail),
        peak=float(trade.peak or 0),
        attempt=len(ended),
        rests_until_us=microseconds(max(ended) + rest_after(len(ended))) if ended else 0,
    )


def _float(price: Decimal | None) -> float | None:
    return None if price is None else float(price)
