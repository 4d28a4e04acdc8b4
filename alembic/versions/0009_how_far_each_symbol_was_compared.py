"""How far the venue's books of each symbol were compared with ours, and balances that are still to be compared."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from models.types import Instant, Json

revision: str = "0009_cursors"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COMPARED = """
INSERT INTO cursors (symbol, look, done_at, since_start)
SELECT DISTINCT orders.symbol, 'fills', account.reconciled_at, :since_start FROM orders, account
WHERE account.reconciled_at IS NOT NULL
"""


def upgrade() -> None:
    op.create_table(
        "cursors",
        sa.Column("symbol", sa.String(40), nullable=False),
        sa.Column("look", sa.String(10), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.Column("since_start", sa.Boolean(), nullable=False),
        sa.Column("begun_at", Instant(), nullable=True),
        sa.Column("back_to", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("symbol", "look", name=op.f("pk_cursors")),
    )
    # Until now a run was over all symbols at once, so that all were compared as far as the account says.
    op.execute(sa.text(COMPARED).bindparams(sa.bindparam("since_start", False, sa.Boolean())))
    with op.batch_alter_table("account") as account:
        account.add_column(sa.Column("balances", Json, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("account") as account:
        account.drop_column("balances")
    op.drop_table("cursors")
