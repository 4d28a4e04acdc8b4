"""Trades in the database, as the drain needs them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from app.domain.market import microseconds
from app.domain.orders import LIVE as LIVE_STATES
from app.domain.orders import Leg
from app.domain.portfolio import TradeStatus
from app.domain.protection import Level, rest_after
from app.domain.risk import ZERO
from app.domain.trading import Signal
from app.domain.unprotected import Held, Spell
from app.store import rows, verdicts
from app.store.database import Database
from models import OrderRow, SignalRow, TradeRow


class Trades:
    """Open trades and their levels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def levels(self) -> list[Level]:
        """The protective levels of every open trade without a live exit order.

        `attempt` counts its past exits and the signals naming it that were refused; it rests longer after each. `wish`
        is the signal that first wanted it left.
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
            free = [trade for trade in trades if trade.id not in busy]
            wishes = _wishes(free, session)
            return [_level(trade, ended[trade.id], wishes.get(trade.leaving_key or "")) for trade in free]

    def entering(self) -> list[Level]:
        """A level without prices for every trade that has bought nothing yet and is not to be left.

        Its `peak` is the price of the signal that it was entered for.
        """
        query = (
            select(TradeRow.id, TradeRow.symbol, SignalRow.price)
            .join(SignalRow, SignalRow.key == TradeRow.signal_key)
            .where(TradeRow.status == TradeStatus.PENDING, TradeRow.leaving_key.is_(None))
        )
        with self._database.reading() as session:
            found = session.execute(query.order_by(TradeRow.id))
            return [Level(number, symbol, None, None, None, price) for number, symbol, price in found]

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
            wanted = _wanted(trades, session)
            return [_held(trade, wanted.get(trade.id)) for trade in trades]

    def keep_spells(self, spells: Mapping[int, Spell]) -> None:
        """Keep for how long trades were not protected, by trade id."""
        query = select(TradeRow).where(TradeRow.id.in_(sorted(spells))).order_by(TradeRow.id).with_for_update()
        with self._database.writing() as session:
            for trade in session.scalars(query):
                spell = spells[trade.id]
                trade.unprotected_since, trade.unprotected_s = spell.since, spell.past_s
                trade.unprotected_told = spell.told


def _wishes(trades: Sequence[TradeRow], session: Session) -> dict[str, Signal]:
    """The signals that first wanted trades left, by key."""
    keys = [trade.leaving_key for trade in trades if trade.leaving_key is not None]
    query = select(SignalRow).where(SignalRow.key.in_(keys))
    return {row.key: rows.signal(row) for row in session.scalars(query)} if keys else {}


def _wanted(trades: Sequence[TradeRow], session: Session) -> dict[int, datetime]:
    """Since when each of these trades is to be left: by a wish that was heard, or one that waits to be decided."""
    wishes = _wishes(trades, session)
    heard = [(trade.id, wishes[trade.leaving_key].found_at) for trade in trades if trade.leaving_key in wishes]
    waiting = select(SignalRow.trade_id, SignalRow.found_at).where(
        SignalRow.status == "found", SignalRow.trade_id.in_([trade.id for trade in trades])
    )
    wanted: dict[int, datetime] = {}
    for trade_id, found_at in (*heard, *session.execute(waiting)):
        wanted[trade_id] = min(found_at, wanted.get(trade_id, found_at))
    return wanted


def _held(trade: TradeRow, leaving_since: datetime | None) -> Held:
    spell = Spell(trade.unprotected_since, trade.unprotected_s, trade.unprotected_told)
    return Held(trade.id, trade.symbol, spell, leaving_since, trade.closed_at)


def _refused(trade_ids: Sequence[int]) -> Select[int | None, datetime | None]:
    """Trade and time of signals naming it that came to nothing: the next attempt needs a name of its own."""
    ended = SignalRow.status.in_(verdicts.REFUSED)
    return select(SignalRow.trade_id, SignalRow.decided_at).where(SignalRow.trade_id.in_(trade_ids), ended)


def _level(trade: TradeRow, ended: Sequence[datetime], wish: Signal | None) -> Level:
    return Level(
        trade_id=trade.id,
        symbol=trade.symbol,
        stop=_float(trade.stop_price),
        take=_float(trade.take_price),
        trail=_float(trade.trail),
        peak=float(trade.peak or 0),
        attempt=len(ended),
        rests_until_us=microseconds(max(ended) + rest_after(len(ended))) if ended else 0,
        wish=wish,
    )


def _float(price: Decimal | None) -> float | None:
    return None if price is None else float(price)
