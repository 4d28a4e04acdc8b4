"""Runs migrations on the database that the settings name, or on the connection that the caller brings."""

from typing import Any

from alembic import context
from sqlalchemy import Connection

from models import Base


def is_ours(object_: Any, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
    """Celery's tables and the partitions of market_data are made here, but are no rows of ours."""
    table = name if type_ == "table" else getattr(getattr(object_, "table", None), "name", "")
    return not (table or "").startswith(("celery_", "market_data_"))


def run(connection: Connection) -> None:
    """All in one transaction, which the caller ends if it brought the connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_object=is_ours,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        transactional_ddl=True,  # SQLite can, too, since its transactions are begun by hand
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    """Offline, with the caller's connection, or with one of our own."""
    given: Connection | None = context.config.attributes.get("connection")
    if given is not None:
        run(given)
        return
    from app import wiring

    database = wiring.database()
    if context.is_offline_mode():
        context.configure(url=database.url, target_metadata=Base.metadata, literal_binds=True)
        context.run_migrations()
        return
    with database.migrating() as connection:
        run(connection)


main()
