"""The seal over the audits: each row's place in the chain and its hash, and the chain's end."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from models.types import Instant

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

UNSEALED = sa.text("sequence IS NULL")


def upgrade() -> None:
    with op.batch_alter_table("audits") as audits:
        audits.add_column(sa.Column("sequence", sa.BigInteger(), nullable=True))
        audits.add_column(sa.Column("hash", sa.String(length=64), nullable=True))
    op.create_index(op.f("uq_audits_sequence"), "audits", ["sequence"], unique=True)
    op.create_index(
        "ix_audits_unsealed", "audits", ["id"], unique=False, sqlite_where=UNSEALED, postgresql_where=UNSEALED
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("timestamp", Instant(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )


def downgrade() -> None:
    op.drop_table("audit_head")
    op.drop_index("ix_audits_unsealed", table_name="audits")
    op.drop_index(op.f("uq_audits_sequence"), table_name="audits")
    with op.batch_alter_table("audits") as audits:
        audits.drop_column("hash")
        audits.drop_column("sequence")
