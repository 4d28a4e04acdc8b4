"""Which signal first wanted a trade left; and the signals of a trade are found without reading all of them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FIRST_EXIT = """
UPDATE trades SET leaving_key = (
    SELECT signal_key FROM orders WHERE orders.trade_id = trades.id AND leg <> 'entry' ORDER BY orders.id LIMIT 1
)
"""


def upgrade() -> None:
    op.add_column("trades", sa.Column("leaving_key", sa.String(32), nullable=True))
    op.execute(FIRST_EXIT)  # what had an exit and still holds something is to be left
    op.create_index(
        op.f("ix_trading_signals_trade_id"),
        "trading_signals",
        ["trade_id"],
        sqlite_where=sa.text("trade_id IS NOT NULL"),
        postgresql_where=sa.text("trade_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_trading_signals_trade_id"), "trading_signals")
    op.drop_column("trades", "leaving_key")  # in place: orders refer to the table, so that it cannot be made anew
