"""Closed bars in the database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from app.domain.market import Bar, BarClose, instant_text
from app.store import rows
from app.store.database import Database
from app.store.inserts import insert_new
from models import BarRow

KEY = ("symbol", "interval", "end")
COLUMNS = tuple(getattr(BarRow, name) for name in rows.BAR_FIELDS)  # whole rows are slow, and windows are large


class Bars:
    """Bars by symbol, interval and end."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, bars: Sequence[Bar]) -> int:
        """How many were new, or whole where the one that was there is not; any other that is there stays."""
        latest = {(bar.symbol, bar.interval, bar.end): bar for bar in bars}
        values = [{name: getattr(bar, name) for name in rows.BAR_FIELDS} for bar in latest.values()]
        with self._database.writing(durable=False) as session:
            return insert_new(session, BarRow, values, KEY, better=lambda new: new["whole"] & BarRow.whole.is_(False))

    def window(self, symbol: str, interval: str, until: datetime, size: int) -> list[Bar]:
        """The last `size` bars that end at or before `until`, oldest first."""
        query = (
            select(*COLUMNS)
            .where(BarRow.symbol == symbol, BarRow.interval == interval, BarRow.end <= until)
            .order_by(BarRow.end.desc())
            .limit(size)
        )
        with self._database.reading() as session:
            return [Bar(*row) for row in session.execute(query)][::-1]

    def closes(self, since: datetime, until: datetime, limit: int) -> list[BarClose]:
        """Names of the bars with since < end <= until, oldest first."""
        query = (
            select(BarRow.symbol, BarRow.interval, BarRow.end)
            .where(BarRow.end > since, BarRow.end <= until)
            .order_by(BarRow.end, BarRow.id)
            .limit(limit)
        )
        with self._database.reading() as session:
            return [BarClose(symbol, interval, instant_text(end)) for symbol, interval, end in session.execute(query)]

    def heard(self, interval: str, since: datetime) -> set[str]:
        """Symbols with a bar that ended after `since`."""
        query = select(BarRow.symbol).where(BarRow.end > since, BarRow.interval == interval).distinct()
        with self._database.reading() as session:
            return set(session.scalars(query))

    def gaps(self, interval: str, since: datetime, limit: int) -> list[Bar]:
        """Bars that are not whole, newest first."""
        query = (
            select(*COLUMNS)
            .where(BarRow.interval == interval, BarRow.end >= since, BarRow.whole.is_(False))
            .order_by(BarRow.end.desc())
            .limit(limit)
        )
        with self._database.reading() as session:
            return [Bar(*row) for row in session.execute(query)]
