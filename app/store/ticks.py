"""Raw ticks in the database (`market_data`), in bulk."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.market import Tick, instant
from app.store.database import Database

COLUMNS = "symbol, timestamp, price, volume, side, source"
TYPES = ("varchar", "timestamptz", "float8", "float8", "varchar", "varchar")
INSERT = f"INSERT INTO market_data ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"


class Ticks:
    """Ticks by symbol and time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def archive(self, ticks: Sequence[Tick], source: str) -> int:
        """How many were new; storing twice is storing once."""
        if not ticks:
            return 0
        with self._database.writing(durable=False) as session:
            return (_inserted if self._database.is_sqlite else _copied)(session, ticks, source)


def _inserted(session: Session, ticks: Sequence[Tick], source: str) -> int:
    """Past SQLAlchemy, whose dictionaries take longer than SQLite itself; in the order of the index."""
    rows = sorted((tick.symbol, tick.time_us, tick.price, tick.quantity, tick.side, source) for tick in ticks)
    return session.connection().exec_driver_sql(INSERT, rows).rowcount


def _copied(session: Session, ticks: Sequence[Tick], source: str) -> int:
    """COPY into a table of this transaction, then what is new into the real one; in the order of the index.

    In PostgreSQL's own binary form, which takes half of the client's time; and the key that may be there is named, as
    each of the others would be looked for too.
    """
    session.execute(
        text(f"CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS SELECT {COLUMNS} FROM market_data WITH NO DATA")
    )
    driver = session.connection().connection.driver_connection
    assert driver is not None
    with driver.cursor().copy(f"COPY incoming ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(TYPES)
        for tick in sorted(ticks):
            copy.write_row((tick.symbol, instant(tick.time_us), tick.price, tick.quantity, tick.side, source))
    insert = f"INSERT INTO market_data ({COLUMNS}) SELECT {COLUMNS} FROM incoming"
    return session.connection().execute(text(f"{insert} ON CONFLICT (symbol, timestamp) DO NOTHING")).rowcount
