"""The last price that is known of what is held, and until when the venue may take what a claim has sent."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from models.types import Instant, Money

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("trades") as trades:
        trades.add_column(sa.Column("mark", Money(), nullable=True))
        trades.add_column(sa.Column("marked_at", Instant(), nullable=True))
    with op.batch_alter_table("orders") as orders:
        orders.add_column(sa.Column("acceptable_until", Instant(), nullable=True))


def downgrade() -> None:
    op.drop_column("orders", "acceptable_until")  # in place: others refer to the table, so that it cannot be made anew
    op.drop_column("trades", "marked_at")
    op.drop_column("trades", "mark")
