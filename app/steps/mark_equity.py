"""Value the account at the last prices, keep the figure, and tighten the trading state if its losses demand it."""

from collections.abc import Callable
from datetime import datetime

import structlog

from app.domain.risk import Account, Breaker
from app.steps.events import last_marks
from app.steps.ports import Announce, Ledger, Prices

log = structlog.get_logger()


def mark_equity(
    *, ledger: Ledger, prices: Prices, breaker: Breaker, announce: Announce, now: Callable[[], datetime]
) -> Account:
    """The account as it was marked; its state is the one before that."""
    heard = last_marks(prices, ledger.held())
    at = now()  # and no earlier: who stood still since then would take what he has heard for older than it is
    account = ledger.mark(heard, at, breaker)  # halts in the transaction that shows the loss
    if account.old_marks:
        log.warning("account valued at old prices", age_s=_ages_s(account))
    demand = breaker.demand(account)
    if demand is not None:
        log.error("trading state tightened", state=demand[0], reason=demand[1])
    announce("system_health", "risk", _health(account, demand[0] if demand else account.state), at)
    return account


def _ages_s(account: Account) -> dict[str, int]:
    return {symbol: int(age.total_seconds()) for symbol, age in account.old_marks.items()}


def _health(account: Account, state: str) -> dict[str, object]:
    return {
        "trading_state": state,
        "equity": f"{account.equity:f}",
        "cash": f"{account.cash:f}",
        "exposure": f"{account.exposure:f}",
        "drawdown": f"{account.drawdown:f}",
        "old_prices_s": _ages_s(account),
    }
