"""What a person is told of, and how far each channel has brought it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from models.types import Instant, Key

revision: str = "0012_alerts"
down_revision: str | None = "0011_reruns"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", Key, nullable=False),
        sa.Column("key", sa.String(240), nullable=False),
        sa.Column("open_key", sa.String(240), nullable=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("about", sa.String(200), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("timestamp", Instant(), nullable=False),
        sa.Column("told_at", Instant(), nullable=False),
        sa.Column("over_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.UniqueConstraint("open_key", name="uq_alerts_open_key"),
    )
    op.create_index("ix_alerts_timestamp", "alerts", ["timestamp"])
    op.create_table(
        "deliveries",
        sa.Column("id", Key, nullable=False),
        sa.Column("alert_id", Key, nullable=False),
        sa.Column("channel", sa.String(200), nullable=False),
        sa.Column("part", sa.String(10), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("timestamp", Instant(), nullable=False),
        sa.Column("next_at", Instant(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_deliveries_alert_id_alerts"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_state_channel_next_at", "deliveries", ["state", "channel", "next_at"])
    op.create_index("ix_deliveries_alert_id", "deliveries", ["alert_id"])


def downgrade() -> None:
    op.drop_table("deliveries")
    op.drop_table("alerts")
