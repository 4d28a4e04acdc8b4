"""Open the account once, with the cash that the venue says there is."""

from datetime import datetime

import structlog

from app.steps.ports import Ledger, Missing, Trading

log = structlog.get_logger()


def open_account(*, ledger: Ledger, trading: Trading, currency: str, at: datetime) -> bool:
    """Whether this call opened it; `currency` is what it is kept in."""
    try:
        ledger.account({}, at)
    except Missing:
        cash = trading.balance(currency)
        log.info("account opened", cash=cash, currency=currency)
        return ledger.open_account(cash, at)
    return False
