"""Find out which symbols the farm trades, from the venue's rules as last read; the first time they are read here."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import structlog

from app.domain.universe import Universe, universe
from app.steps.ports import Instruments, Market
from app.steps.refresh_instruments import refresh_instruments

log = structlog.get_logger()


def choose_symbols(
    wanted: Sequence[str],
    *,
    market: Market,
    instruments: Instruments,
    currency: str,
    switched_off: Iterable[str],
    held: Sequence[str],
    at: datetime,
) -> Universe:
    """The symbols, none if nothing that is wanted can be traded; what is left out is logged with its reason too.

    `wanted` is symbols, or `all`, or `top:50` by the last day's volume; what is `held` is always among them.
    """
    listed = instruments.all()
    if not listed:
        refresh_instruments(market=market, instruments=instruments, at=at)
        listed = instruments.all()
    found = universe(wanted, listed, currency=currency, switched_off=switched_off, held=held, volumes=market.volumes)
    for symbol, reason in found.left_out.items():
        log.error("symbol left out", symbol=symbol, reason=reason, cure="correct CDB_SYMBOLS")
    return found
