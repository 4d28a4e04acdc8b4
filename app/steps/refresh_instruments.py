"""Read every symbol's rules from the venue and keep them."""

from datetime import datetime

from app.steps.ports import Instruments, Market


def refresh_instruments(*, market: Market, instruments: Instruments, at: datetime) -> int:
    """How many symbols the venue lists; an empty answer replaces nothing."""
    found, records = market.instruments()
    if found:
        instruments.save(found, records, at)
    return len(found)
