"""Insert what is not there yet: the one statement that SQLite and PostgreSQL spell alike but in other modules."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models import Base


def insert_new(
    session: Session,
    row: type[Base],
    values: Sequence[Mapping[str, Any]],
    key: Sequence[str],
    *,
    better: Callable[[Any], ColumnElement[bool]] | None = None,
) -> int:
    """How many rows were new; a row whose key is there stays, or is replaced where `better` (a condition) holds.

    `better` is a function of the incoming row's columns. Rows go in by the order of their keys, so that two
    writers of the same rows wait for each other instead of locking each other out.
    """
    if not values:
        return 0
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement: Any = dialect.insert(row.__table__)
    if better is None:
        statement = statement.on_conflict_do_nothing(index_elements=list(key))
    else:
        new = statement.excluded
        changed = {name: new[name] for name in values[0] if name not in key}
        statement = statement.on_conflict_do_update(index_elements=list(key), set_=changed, where=better(new))
    ordered = sorted(map(dict, values), key=lambda one: [one[name] for name in key])
    return session.connection().execute(statement, ordered, execution_options={"preserve_rowcount": True}).rowcount
