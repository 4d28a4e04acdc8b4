"""What was done about dead letters: how often they were run again, and until when an end of that is awaited."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from models.types import Instant

revision: str = "0011_reruns"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("dead_letters") as letters:
        letters.add_column(sa.Column("reruns", sa.Integer(), nullable=False, server_default="0"))
        letters.add_column(sa.Column("failed_run", sa.Integer(), nullable=False, server_default="0"))
        letters.add_column(sa.Column("deadline", Instant(), nullable=True))
        letters.add_column(sa.Column("note", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    for column in ("note", "deadline", "failed_run", "reruns"):
        op.drop_column("dead_letters", column)
