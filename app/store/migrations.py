"""Which schema the database has, and bringing it up to date, one process at a time."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from app.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

ROOT = Path(__file__).parents[2]


def migrate(database: Database) -> None:
    """Bring the schema to this code's version; of two processes one does it, the other waits."""
    from alembic import command  # here and below: everybody imports the store, and few ask for its version

    with database.migrating() as connection:
        command.upgrade(_config(connection), "head")


def behind(database: Database) -> str | None:
    """What is wrong with the schema's version and the cure, or None; DatabaseError if nothing answers."""
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config())
    with database.connecting() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    head = scripts.get_current_head()
    if current == head:
        return None
    if current is None:
        return "The database has no tables yet. Run: cdb migrate"
    if current not in {script.revision for script in scripts.walk_revisions()}:
        return f"The database is at {current}, which is newer than this code. Update the code"
    return f"The database is at {current}, this code needs {head}. Run: cdb migrate"


def _config(connection: Connection | None = None) -> "Config":
    from alembic.config import Config

    config = Config(str(ROOT / "alembic.ini"))
    config.attributes["connection"] = connection
    return config
