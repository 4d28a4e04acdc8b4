"""The venue. What speaks to it is imported when it is built: ccxt takes half a second, and most never need it."""

import os
from decimal import Decimal
from functools import cache
from socket import gethostname
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from app import bus, decisions
from app.domain.rate_limit import Pause
from app.domain.universe import Universe
from app.exchanges import simulated
from app.log import learn
from app.settings import SettingsError
from app.settings.reading import load
from app.steps.choose_symbols import choose_symbols
from app.wiring._clock import clock, now
from app.wiring._database import instruments, ledger
from app.wiring._redis import keys, wanted_keys
from app.wiring._settings import CURRENCY, settings

if TYPE_CHECKING:
    from app.exchanges import mexc

log = structlog.get_logger()

LIMITER_S = 0.5


@cache
def market() -> "mexc.Market":
    """The venue's public side."""
    from app.exchanges import mexc

    return mexc.Market(_client(settings().rest_url))


@cache
def trading() -> "mexc.Trading":
    """The venue's private side, where orders go."""
    from app.exchanges import mexc

    return mexc.Trading(_client(settings().trading_url, key_ring()))


@cache
def venue_account() -> "mexc.Account":
    """The venue's books."""
    from app.exchanges import mexc

    return mexc.Account(_client(settings().trading_url, key_ring()))


@cache
def key_ring() -> "mexc.KeyRing":
    """The keys that requests to the venue are signed with."""
    from app.exchanges import mexc

    process, read_at, wishes = f"{gethostname()} {os.getpid()}", now(), wanted_keys()
    return mexc.KeyRing(
        mexc.ApiKeys(*settings().trading_keys),
        wanted=lambda mine: wishes.look(process, mine, read_at, now()),
        read=_keys_anew,
    )


def _keys_anew() -> "mexc.ApiKeys | None":
    """As they are kept now; nothing else of the settings changes while a process runs."""
    from app.exchanges import mexc

    try:
        found = load()
    except SettingsError as error:
        log.error("keys cannot be read anew", reason=str(error))
        return None
    learn(*found.trading_keys)
    return mexc.ApiKeys(*found.trading_keys)


def free_balance(currency: str) -> Decimal:
    """What no order at the venue has locked of a currency; who never asks makes no client for it."""
    return venue_account().free(currency)


@cache
def venue_control() -> simulated.Control:
    """What only the simulated venue can be asked."""
    return simulated.Control(settings().venue_url)


@cache
def limiter(rest_url: str) -> bus.Limiter:
    """Shares the venue at this address between all processes of the farm."""
    client = bus.connect(settings().redis_url, timeout_s=LIMITER_S, retries=0)
    budget, processes = decisions.request_budget(settings())
    return bus.Limiter(client, keys(), urlsplit(rest_url).netloc, budget, processes=processes)


def pauses() -> dict[str, Pause]:
    """The pauses in force, by the host that wanted them."""
    limiters = [limiter(url) for url in sorted({settings().rest_url, settings().trading_url})]
    found = {one.host: one.paused() for one in limiters}
    return {host: pause for host, pause in found.items() if pause is not None}


def _client(rest_url: str, keys: "mexc.KeyRing | None" = None) -> "mexc.Client":
    from app.exchanges import mexc

    chosen = settings()
    return mexc.Client(
        rest_url=rest_url,
        keys=keys,
        now=clock(),
        timeout_s=chosen.request_timeout_s,
        recv_window_ms=chosen.recv_window_ms,
        markets=instruments().markets,
        limiter=limiter(rest_url),
    )


@cache
def universe() -> Universe:
    """What can be traded of what is wanted, what is held from before, and what is left out."""
    chosen = settings()
    return choose_symbols(
        chosen.symbols,
        market=market(),
        instruments=instruments(),
        currency=CURRENCY,
        switched_off=decisions.switched_off(chosen),
        held=ledger().held(),
        at=now(),
    )


def symbols() -> tuple[str, ...]:
    """The symbols to trade, and those that are held from before; SettingsError if there are none."""
    found = universe()
    if found.symbols:
        return found.symbols
    why = "".join(f"; {symbol}: {reason}" for symbol, reason in found.left_out.items())
    raise SettingsError([f"CDB_SYMBOLS={','.join(settings().symbols)}: none of them can be traded; name others{why}"])


def symbols_anew() -> tuple[str, ...]:
    """The same as it is now, whatever was chosen earlier in this process."""
    universe.cache_clear()
    return symbols()
