"""What a database holds, counted and added up, to tell whether a copy is whole; also with an older schema."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, column, func, inspect, select, table, text

from app.domain.backups import Contents, Table
from app.domain.sealing import BEGINNING, Head
from app.store.partitions import PARTITION
from models import Base
from models.types import WIDE, Money

AT_ONCE = 10_000
HALF = 1_000_000


def contents(connection: Connection) -> Contents:
    """All of it in the moment of the connection's transaction, which may take as long as it takes."""
    if connection.dialect.name != "sqlite":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
    names = {name for name in inspect(connection).get_table_names() if not name.startswith(PARTITION)}
    tables = {name: _table(connection, name) for name in sorted(names)}
    return Contents(_revision(connection, names), str(_head(connection, names)), tables)


def _revision(connection: Connection, names: set[str]) -> str:
    found = "alembic_version" in names and connection.scalar(text("SELECT version_num FROM alembic_version"))
    return str(found or "")


def _head(connection: Connection, names: set[str]) -> Head:
    found = "audit_head" in names and connection.execute(text("SELECT sequence, hash FROM audit_head")).first()
    return Head(*found) if found else BEGINNING


def _table(connection: Connection, name: str) -> Table:
    there = {one["name"] for one in inspect(connection).get_columns(name)}
    money, numbers = _known(name)
    rows = connection.scalar(select(func.count()).select_from(table(name)))
    sums = {**_numbers(connection, name, numbers & there), **_money(connection, name, money & there)}
    return Table(rows or 0, dict(sorted(sums.items())))


def _known(name: str) -> tuple[set[str], set[str]]:
    """Columns of money and of whole numbers, as far as this code knows the table."""
    known = Base.metadata.tables.get(name)
    columns = () if known is None else known.columns
    money = {one.name for one in columns if isinstance(one.type, Money)}
    return money, {one.name for one in columns if isinstance(one.type, BigInteger | Integer)}


def _numbers(connection: Connection, name: str, columns: set[str]) -> Mapping[str, str]:
    """In two halves: SQLite's sum of many microseconds would be more than a number can be there."""
    if not columns:
        return {}
    ordered = sorted(columns)
    halves = [
        half for one in ordered for half in (func.sum(column(one).op("/")(HALF)), func.sum(column(one).op("%")(HALF)))
    ]
    found = connection.execute(select(*halves).select_from(table(name))).one()
    return {
        one: str(int(high or 0) * HALF + int(low or 0))
        for one, high, low in zip(ordered, found[::2], found[1::2], strict=True)
    }


def _money(connection: Connection, name: str, columns: set[str]) -> Mapping[str, str]:
    """SQLite keeps money as text, and would add it up as floats."""
    ordered = sorted(columns)
    if not ordered:
        return {}
    totals = dict.fromkeys(ordered, Decimal(0))
    for row in _rows(connection, name, ordered):
        for one, value in zip(ordered, row, strict=True):
            if value is not None:
                totals[one] = WIDE.add(totals[one], Decimal(value))
    return {one: f"{total.normalize(WIDE):f}" for one, total in totals.items()}


def _rows(connection: Connection, name: str, columns: list[str]) -> Iterator[Any]:
    wanted: list[Any] = [column(one) for one in columns]
    if connection.dialect.name == "sqlite":
        yield from connection.execute(select(*wanted).select_from(table(name))).yield_per(AT_ONCE)
    else:
        yield connection.execute(select(*map(func.sum, wanted)).select_from(table(name))).one()
