"""When the venue's books were last compared with ours, and what differed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from models.types import Instant, Json

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("account") as account:
        account.add_column(sa.Column("reconciled_at", Instant(), nullable=True))
        account.add_column(sa.Column("differences", Json, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("account") as account:
        account.drop_column("differences")
        account.drop_column("reconciled_at")
