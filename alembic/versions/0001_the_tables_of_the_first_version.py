"""The tables of the first version, Celery's results among them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from models.types import Instant, Json, Key, Money

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

LIVE = sa.text("state IN ('approved', 'submitting', 'unknown', 'open', 'partially_filled')")
LIVE_EXIT = sa.text("leg <> 'entry' AND state IN ('approved', 'submitting', 'unknown', 'open', 'partially_filled')")
HELD = sa.text("\"left\" <> '0.000000000000000000'")
TABLES = (
    "celery_tasksetmeta",
    "celery_taskmeta",
    "orders",
    "executions",
    "trading_signals",
    "trades",
    "risk_events",
    "market_data",
    "instruments",
    "equity",
    "bars",
    "audits",
    "account",
)


def upgrade() -> None:
    market()
    decisions()
    orders()
    account()
    celery_results()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP SEQUENCE task_id_sequence, taskset_id_sequence")


def market() -> None:
    market_data_partitioned() if op.get_bind().dialect.name == "postgresql" else market_data()
    op.create_table(
        "bars",
        sa.Column("id", Key, nullable=False),
        sa.Column("symbol", sa.String(length=40), nullable=False),
        sa.Column("interval", sa.String(length=8), nullable=False),
        sa.Column("end", Instant(), nullable=False),
        sa.Column("open", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("close", sa.Double(), nullable=False),
        sa.Column("volume", sa.Double(), nullable=False),
        sa.Column("ticks", sa.Integer(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bars")),
        sa.UniqueConstraint("symbol", "interval", "end", name=op.f("uq_bars_symbol_interval_end")),
    )
    op.create_index(
        "ix_bars_gaps",
        "bars",
        ["interval", "end"],
        unique=False,
        sqlite_where=sa.text("NOT whole"),
        postgresql_where=sa.text("NOT whole"),
    )
    op.create_table(
        "instruments",
        sa.Column("symbol", sa.String(length=40), nullable=False),
        sa.Column("base", sa.String(length=20), nullable=False),
        sa.Column("quote", sa.String(length=20), nullable=False),
        sa.Column("tradable", sa.Boolean(), nullable=False),
        sa.Column("price_step", Money(), nullable=False),
        sa.Column("amount_step", Money(), nullable=False),
        sa.Column("min_amount", Money(), nullable=False),
        sa.Column("min_notional", Money(), nullable=False),
        sa.Column("max_notional", Money(), nullable=True),
        sa.Column("taker_fee", Money(), nullable=False),
        sa.Column("market_orders", sa.Boolean(), nullable=False),
        sa.Column("market", Json, nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("symbol", name=op.f("pk_instruments")),
    )


def market_data() -> None:
    op.create_table("market_data", sa.Column("id", Key, primary_key=True), *tick_columns(), symbol_and_time())
    op.create_index(op.f("ix_market_data_timestamp"), "market_data", ["timestamp"])


def market_data_partitioned() -> None:
    """A partitioned table's key must hold what it is partitioned by; days without a partition go to the default one."""
    op.create_table(
        "market_data",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        *tick_columns(),
        symbol_and_time(),
        sa.PrimaryKeyConstraint("id", "timestamp", name=op.f("pk_market_data")),
        postgresql_partition_by="RANGE (timestamp)",
    )
    op.create_index(op.f("ix_market_data_timestamp"), "market_data", ["timestamp"])
    op.execute("CREATE TABLE market_data_default PARTITION OF market_data DEFAULT")


def tick_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("symbol", sa.String(40), nullable=False),
        sa.Column("price", sa.Double(), nullable=False),
        sa.Column("volume", sa.Double(), nullable=False),
        sa.Column("side", sa.String(4), nullable=False),
        sa.Column("timestamp", Instant(), nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
    ]


def symbol_and_time() -> sa.UniqueConstraint:
    return sa.UniqueConstraint("symbol", "timestamp", name=op.f("uq_market_data_symbol_timestamp"))


def decisions() -> None:
    op.create_table(
        "trading_signals",
        sa.Column("id", Key, nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("symbol", sa.String(length=40), nullable=False),
        sa.Column("signal_type", sa.String(length=4), nullable=False),
        sa.Column("strength", sa.Double(), nullable=False),
        sa.Column("timestamp", Instant(), nullable=False),
        sa.Column("engine_version", sa.String(length=20), nullable=False),
        sa.Column("strategy", sa.String(length=80), nullable=False),
        sa.Column("interval", sa.String(length=8), nullable=False),
        sa.Column("leg", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("price", sa.Double(), nullable=False),
        sa.Column("bar_fingerprint", sa.String(length=32), nullable=False),
        sa.Column("indicators", Json, nullable=False),
        sa.Column("window_whole", sa.Boolean(), nullable=False),
        sa.Column("trade_id", Key, nullable=True),
        sa.Column("correlation_id", sa.String(length=80), nullable=False),
        sa.Column("tick_received_us", sa.BigInteger(), nullable=False),
        sa.Column("found_at", Instant(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trading_signals")),
        sa.UniqueConstraint("key", name=op.f("uq_trading_signals_key")),
    )
    op.create_index(
        op.f("ix_trading_signals_symbol_timestamp"), "trading_signals", ["symbol", "timestamp"], unique=False
    )
    op.create_index(
        "ix_trading_signals_undecided",
        "trading_signals",
        ["found_at"],
        unique=False,
        sqlite_where=sa.text("status = 'found'"),
        postgresql_where=sa.text("status = 'found'"),
    )
    op.create_table(
        "risk_events",
        sa.Column("id", Key, nullable=False),
        sa.Column("trade_id", Key, nullable=True),
        sa.Column("signal_key", sa.String(length=32), nullable=False),
        sa.Column("risk_check", sa.String(length=80), nullable=False),
        sa.Column("result", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("numbers", Json, nullable=False),
        sa.Column("timestamp", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_events")),
    )
    op.create_index(op.f("ix_risk_events_risk_check_result"), "risk_events", ["risk_check", "result"], unique=False)
    op.create_index(op.f("ix_risk_events_signal_key"), "risk_events", ["signal_key"], unique=False)
    op.create_index(op.f("ix_risk_events_timestamp"), "risk_events", ["timestamp"], unique=False)
    op.create_table(
        "audits",
        sa.Column("id", Key, nullable=False),
        sa.Column("event_type", sa.String(length=80), nullable=False),
        sa.Column("service", sa.String(length=40), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("timestamp", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audits")),
    )
    op.create_index(op.f("ix_audits_event_type"), "audits", ["event_type"], unique=False)
    op.create_index(op.f("ix_audits_timestamp"), "audits", ["timestamp"], unique=False)


def orders() -> None:
    op.create_table(
        "trades",
        sa.Column("id", Key, nullable=False),
        sa.Column("symbol", sa.String(length=40), nullable=False),
        sa.Column("direction", sa.String(length=5), nullable=False),
        sa.Column("size", Money(), nullable=False),
        sa.Column("entry_price", Money(), nullable=True),
        sa.Column("exit_price", Money(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("timestamp", Instant(), nullable=False),
        sa.Column("strategy", sa.String(length=80), nullable=False),
        sa.Column("signal_key", sa.String(length=32), nullable=False),
        sa.Column("left", Money(), nullable=False),
        sa.Column("bought", Money(), nullable=False),
        sa.Column("sold", Money(), nullable=False),
        sa.Column("bought_amount", Money(), nullable=False),
        sa.Column("sold_amount", Money(), nullable=False),
        sa.Column("fees", Money(), nullable=False),
        sa.Column("realised", Money(), nullable=False),
        sa.Column("stop_price", Money(), nullable=True),
        sa.Column("take_price", Money(), nullable=True),
        sa.Column("trail", Money(), nullable=True),
        sa.Column("peak", Money(), nullable=True),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("correlation_id", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trades")),
    )
    op.create_index("ix_trades_held", "trades", ["symbol"], unique=False, sqlite_where=HELD, postgresql_where=HELD)
    op.create_index(op.f("ix_trades_status"), "trades", ["status"], unique=False)
    op.create_index(op.f("ix_trades_symbol_timestamp"), "trades", ["symbol", "timestamp"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", Key, nullable=False),
        sa.Column("client_order_id", sa.String(length=32), nullable=False),
        sa.Column("trade_id", Key, nullable=False),
        sa.Column("signal_key", sa.String(length=32), nullable=False),
        sa.Column("symbol", sa.String(length=40), nullable=False),
        sa.Column("side", sa.String(length=4), nullable=False),
        sa.Column("leg", sa.String(length=20), nullable=False),
        sa.Column("type", sa.String(length=10), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.Column("price", Money(), nullable=False),
        sa.Column("reserved", Money(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("exchange_order_id", sa.String(length=64), nullable=True),
        sa.Column("filled", Money(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("claimed_at", Instant(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("submitted_at", Instant(), nullable=True),
        sa.Column("touched_at", Instant(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("correlation_id", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["trade_id"], ["trades.id"], name=op.f("fk_orders_trade_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("client_order_id", name=op.f("uq_orders_client_order_id")),
        sa.UniqueConstraint("signal_key", name=op.f("uq_orders_signal_key")),
    )
    op.create_index(op.f("ix_orders_created_at"), "orders", ["created_at"], unique=False)
    op.create_index(op.f("ix_orders_exchange_order_id"), "orders", ["exchange_order_id"], unique=False)
    op.create_index("ix_orders_live", "orders", ["touched_at"], unique=False, sqlite_where=LIVE, postgresql_where=LIVE)
    op.create_index(op.f("ix_orders_trade_id"), "orders", ["trade_id"], unique=False)
    op.create_index(
        "uq_orders_live_exit", "orders", ["trade_id"], unique=True, sqlite_where=LIVE_EXIT, postgresql_where=LIVE_EXIT
    )
    op.create_table(
        "executions",
        sa.Column("id", Key, nullable=False),
        sa.Column("trade_id", Key, nullable=False),
        sa.Column("exchange_order_id", sa.String(length=64), nullable=False),
        sa.Column("client_order_id", sa.String(length=32), nullable=False),
        sa.Column("venue_trade_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("symbol", sa.String(length=40), nullable=False),
        sa.Column("side", sa.String(length=4), nullable=False),
        sa.Column("price", Money(), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.Column("commission", Money(), nullable=False),
        sa.Column("commission_asset", sa.String(length=20), nullable=False),
        sa.Column("timestamp", Instant(), nullable=False),
        sa.Column("correlation_id", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["trade_id"], ["trades.id"], name=op.f("fk_executions_trade_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_executions")),
        sa.UniqueConstraint("symbol", "venue_trade_id", name=op.f("uq_executions_symbol_venue_trade_id")),
    )
    op.create_index(op.f("ix_executions_client_order_id"), "executions", ["client_order_id"], unique=False)
    op.create_index(op.f("ix_executions_timestamp"), "executions", ["timestamp"], unique=False)
    op.create_index(op.f("ix_executions_trade_id"), "executions", ["trade_id"], unique=False)


def account() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("trading_state", sa.String(length=10), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=False),
        sa.Column("state_by", sa.String(length=80), nullable=False),
        sa.Column("state_at", Instant(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("day_open", Money(), nullable=False),
        sa.Column("day_high", Money(), nullable=False),
        sa.Column("cash", Money(), nullable=False),
        sa.Column("equity", Money(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_account_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
    )
    op.create_table(
        "equity",
        sa.Column("id", Key, nullable=False),
        sa.Column("timestamp", Instant(), nullable=False),
        sa.Column("equity", Money(), nullable=False),
        sa.Column("cash", Money(), nullable=False),
        sa.Column("exposure", Money(), nullable=False),
        sa.Column("drawdown", Money(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_equity")),
    )
    op.create_index(op.f("ix_equity_timestamp"), "equity", ["timestamp"], unique=False)


def celery_results() -> None:
    """As Celery's own models have them, so that no worker has to create anything."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE task_id_sequence")
        op.execute("CREATE SEQUENCE taskset_id_sequence")
    op.create_table(
        "celery_taskmeta",
        sa.Column("id", Key, primary_key=True),
        sa.Column("task_id", sa.String(155), unique=True),
        sa.Column("status", sa.String(50)),
        sa.Column("result", sa.LargeBinary()),
        sa.Column("date_done", sa.DateTime(), index=True),
        sa.Column("traceback", sa.Text()),
        sa.Column("children", sa.LargeBinary()),
        sa.Column("name", sa.String(155)),
        sa.Column("args", sa.LargeBinary()),
        sa.Column("kwargs", sa.LargeBinary()),
        sa.Column("worker", sa.String(155)),
        sa.Column("retries", sa.Integer()),
        sa.Column("queue", sa.String(155)),
        sa.Column("stamps", sa.LargeBinary()),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "celery_tasksetmeta",
        sa.Column("id", Key, primary_key=True),
        sa.Column("taskset_id", sa.String(155), unique=True),
        sa.Column("result", sa.LargeBinary()),
        sa.Column("date_done", sa.DateTime(), index=True),
        sqlite_autoincrement=True,
    )
