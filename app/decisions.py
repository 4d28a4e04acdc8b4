"""Turns settings into what decisions are made with: rules, sizes, protective levels, budgets."""

from dataclasses import fields
from decimal import Decimal
from typing import Any

from app import risk
from app.domain.per_symbol import ProtectionBySymbol, SizingBySymbol
from app.domain.protection import Protection
from app.domain.rate_limit import Budget
from app.domain.sizing import Sizing
from app.settings import Settings

A_LIFETIME_S = 3_000_000_000
LATE_LOOKS = 4  # so many times as long as there is between two looks, and the books count as not compared


def rules(settings: Settings) -> list[risk.Rule]:
    """Every rule; a rule's own table of parameters goes before the settings that it shares with others."""
    shared, own = _shared(settings), settings.risk
    return risk.rules({name: {**shared.get(name, {}), **own.get(name, {})} for name in {*shared, *own}})


def sizing(settings: Settings) -> SizingBySymbol:
    """How large entries are, by symbol where that differs."""
    own = {symbol: _sizing(settings, symbol) for symbol in settings.symbol}
    return SizingBySymbol(**_parts(_sizing(settings)), by_symbol=own)


def protection(settings: Settings) -> ProtectionBySymbol:
    """How trades are protected, by symbol where that differs."""
    own = {symbol: _protection(settings, symbol) for symbol in settings.symbol}
    return ProtectionBySymbol(**_parts(_protection(settings)), by_symbol=own)


def switched_off(settings: Settings) -> list[str]:
    """Symbols that are not to be traded, whichever others are."""
    return [symbol for symbol, own in settings.symbol.items() if not own.enabled]


def request_budget(settings: Settings) -> tuple[Budget, int]:
    """What may be asked of each endpoint, and how many processes share it: the feed, a mirror and a command too."""
    mirrors = settings.needs_venue and settings.venue_market == "mirror"
    return (
        Budget(int(settings.request_weight * settings.request_share)),
        settings.workers_orders + settings.workers_risk + settings.workers_upkeep + 2 + mirrors,
    )


def _shared(settings: Settings) -> dict[str, dict[str, Any]]:
    common = sizing(settings)
    sizes = [common, *common.by_symbol.values()]
    return {
        "max_drawdown": {"limit": settings.max_daily_drawdown},
        "circuit_breaker": {"limit": settings.max_day_loss},
        "max_exposure": {"limit": settings.max_total_exposure},
        "stale_signal": {"limit_s": settings.signal_ttl_s},
        "not_wanted": {
            "symbols": ",".join(name for name in settings.symbols if "/" in name),
            "off": ",".join(switched_off(settings)),
        },
        "not_reconciled": {  # in a replay, never: a farm that cannot restart
            "limit_s": A_LIFETIME_S if settings.clock == "replay" else max(120, LATE_LOOKS * settings.reconcile_s)
        },
        "position_size": {
            "min_notional": min(size.min_notional for size in sizes),
            "max_notional": max(size.max_notional for size in sizes),
        },
    }


def _sizing(settings: Settings, symbol: str = "") -> Sizing:
    names = ("position_share", "min_position", "max_position")
    share, least, most = (settings.for_symbol(symbol, name) or Decimal(0) for name in names)
    return Sizing(share, least, most, settings.max_total_exposure)


def _protection(settings: Settings, symbol: str = "") -> Protection:
    names = ("stop_loss", "take_profit", "trailing_stop")
    return Protection(*(settings.for_symbol(symbol, name) for name in names))


def _parts(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}
