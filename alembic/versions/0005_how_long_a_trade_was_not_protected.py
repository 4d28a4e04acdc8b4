"""How long a trade was not protected, and since when it is not."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from models.types import Instant

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("trades") as trades:
        trades.add_column(sa.Column("unprotected_since", Instant(), nullable=True))
        trades.add_column(sa.Column("unprotected_s", sa.Double(), nullable=False, server_default="0"))
        trades.add_column(sa.Column("unprotected_told", sa.Boolean(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("trades", "unprotected_told")  # in place: others refer to the table, so that it cannot be made anew
    op.drop_column("trades", "unprotected_s")
    op.drop_column("trades", "unprotected_since")
