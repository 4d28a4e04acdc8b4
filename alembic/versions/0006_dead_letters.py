"""Dead letters: tasks that failed for good."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from models.types import Instant, Key

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("id", Key, nullable=False),
        sa.Column("key", sa.String(160), nullable=False),
        sa.Column("task_id", sa.String(160), nullable=False),
        sa.Column("name", sa.String(160), nullable=False),
        sa.Column("about", sa.String(80), nullable=False),
        sa.Column("args", sa.Text(), nullable=False),
        sa.Column("kwargs", sa.Text(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("root_id", sa.String(160), nullable=False),
        sa.Column("parent_id", sa.String(160), nullable=False),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(160), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("traceback", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("worker", sa.String(160), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("correlation_id", sa.String(80), nullable=False),
        sa.Column("repeats", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("timestamp", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
        sa.UniqueConstraint("key", name=op.f("uq_dead_letters_key")),
    )
    op.create_index(op.f("ix_dead_letters_task_id"), "dead_letters", ["task_id"])
    op.create_index(op.f("ix_dead_letters_correlation_id"), "dead_letters", ["correlation_id"])
    op.create_index(op.f("ix_dead_letters_state_last_at"), "dead_letters", ["state", "last_at"])
    op.create_index(op.f("ix_dead_letters_about_name"), "dead_letters", ["about", "name"])


def downgrade() -> None:
    op.drop_table("dead_letters")
