"""The venue's rules per symbol in the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update

from app.domain.errors import Missing
from app.domain.market import Instrument
from app.store import rows
from app.store.audits import audit
from app.store.database import Database
from app.store.inserts import insert_new
from models import InstrumentRow, TradeRow


class Instruments:
    """The snapshot of what the venue said last."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, instruments: Sequence[Instrument], markets: Mapping[str, Mapping[str, Any]], at: datetime) -> None:
        """Replace the snapshot; `markets` are the venue client's own records, by symbol.

        What was traded and is not listed any more keeps its rules, for what comes late: it can only not be traded.
        """
        values = [
            {name: getattr(one, name) for name in rows.INSTRUMENT_FIELDS}
            | {"market": dict(markets.get(one.symbol, {})), "updated_at": at}
            for one in instruments
        ]
        listed = [one.symbol for one in instruments]
        with self._database.writing() as session:
            traded = InstrumentRow.symbol.in_(select(TradeRow.symbol))
            session.execute(delete(InstrumentRow).where(or_(InstrumentRow.symbol.in_(listed), ~traded)))
            session.execute(update(InstrumentRow).values(tradable=False, market={}))
            insert_new(session, InstrumentRow, values, ("symbol",))

    def restrict(self, symbol: str, what: str, reason: str, at: datetime) -> None:
        """Hold `market_orders` or `tradable` for no, until the snapshot is replaced; audited."""
        with self._database.writing() as session:
            changed = update(InstrumentRow).where(InstrumentRow.symbol == symbol).values({what: False})
            session.execute(changed)
            audit(session, "symbol.restricted", "orders", {"symbol": symbol, "no": what, "reason": reason}, at)

    def get(self, symbol: str) -> Instrument:
        """One symbol's rules, or Missing."""
        with self._database.reading() as session:
            row = session.get(InstrumentRow, symbol)
            if row is None:
                raise Missing(f"the venue has said nothing of {symbol}")
            return rows.instrument(row)

    def all(self) -> list[Instrument]:
        """Every symbol's rules."""
        with self._database.reading() as session:
            return [rows.instrument(row) for row in session.scalars(select(InstrumentRow))]

    def markets(self) -> dict[str, dict[str, Any]]:
        """The venue client's own records, by symbol."""
        with self._database.reading() as session:
            query = select(InstrumentRow.symbol, InstrumentRow.market)
            return {symbol: market for symbol, market in session.execute(query) if market}
