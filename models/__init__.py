"""SQLAlchemy rows, one table a file; only app/store uses them."""

from models.account import THE_ACCOUNT, AccountRow
from models.alerts import AlertRow
from models.audit_head import THE_HEAD, AuditHeadRow
from models.audits import AuditRow
from models.bars import BarRow
from models.base import Base
from models.cursors import CursorRow
from models.dead_letters import DeadLetterRow
from models.deliveries import DeliveryRow
from models.equity import EquityRow
from models.executions import ExecutionRow
from models.instruments import InstrumentRow
from models.market_data import MarketDataRow
from models.orders import OrderRow
from models.risk_events import RiskEventRow
from models.trades import TradeRow
from models.trading_signals import SignalRow

__all__ = [
    "THE_ACCOUNT",
    "THE_HEAD",
    "AccountRow",
    "AlertRow",
    "AuditHeadRow",
    "AuditRow",
    "BarRow",
    "Base",
    "CursorRow",
    "DeadLetterRow",
    "DeliveryRow",
    "EquityRow",
    "ExecutionRow",
    "InstrumentRow",
    "MarketDataRow",
    "OrderRow",
    "RiskEventRow",
    "SignalRow",
    "TradeRow",
]
