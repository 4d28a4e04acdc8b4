"""What a signal was based on: its window and the row before; and what a venue answered last about an unclear order."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from models.types import Instant, Json

revision: str = "0010"
down_revision: str | None = "0009_cursors"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("trading_signals") as signals:
        signals.add_column(sa.Column("window_bars", sa.Integer(), nullable=False, server_default="0"))
        signals.add_column(sa.Column("window_since", Instant(), nullable=True))
        signals.add_column(sa.Column("indicators_before", Json, nullable=False, server_default="{}"))
    with op.batch_alter_table("orders") as orders:
        orders.add_column(sa.Column("last_answer", sa.String(80), nullable=True))


def downgrade() -> None:
    op.drop_column("orders", "last_answer")  # in place: others refer to the table, so that it cannot be made anew
    op.drop_column("trading_signals", "indicators_before")
    op.drop_column("trading_signals", "window_since")
    op.drop_column("trading_signals", "window_bars")
