"""Bars by their end, for the sweep that looks for closes nobody has searched."""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(op.f("ix_bars_end"), "bars", ["end"])


def downgrade() -> None:
    op.drop_index(op.f("ix_bars_end"), table_name="bars")
