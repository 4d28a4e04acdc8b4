"""Reads the figures that Prometheus is told of the farm as a whole; what is away is left out, not guessed."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import wiring
from app.domain.backups import BackupError
from app.domain.errors import NotOpenYet
from app.domain.risk import TradingState
from app.figures import QUEUES
from app.metrics import Figures
from app.store import DatabaseError

log = structlog.get_logger()

Part = Mapping[str, float | Mapping[Any, float]]
AWAY = (RedisError, DatabaseError, SQLAlchemyError, NotOpenYet, BackupError)


def measure() -> Figures:
    """All of them, as they are now."""
    parts = (_trades, _orders, _books, _checks, _signals, _waiting, _backups, _mailboxes, _database, _redis)
    return {name: _samples(figure) for part in parts for name, figure in _tried(part).items()}


def heard() -> Figures:
    """What the feeds say of themselves; nothing while none says anything."""
    status = _tried(wiring.feed_heard().read)
    if not status:
        return {}
    figures: Part = {
        "feed_shards_silent": len(status.get("silent", ())),
        "symbols_subscribed": status["subscribed"],
        "symbols_stale": len(status["stale"]),
        "venue_connections": status["connections"],
        "venue_clock_ahead_ms": status["offset_ms"],
        **({} if status.get("latency_ms") is None else {"websocket_latency_ms": status["latency_ms"]}),
    }
    return {name: _samples(figure) for name, figure in figures.items()}


def told() -> Figures:
    """What people were told, and what could not be brought to them."""
    return {name: _samples(figure) for name, figure in _tried(_alerts).items()}


def _tried(part: Callable[[], Any]) -> Any:
    try:
        return part()
    except AWAY as error:
        log.info("figures cannot be read", part=part.__name__.strip("_"), reason=str(error).splitlines()[0])
        return {}


def _samples(figure: float | Mapping[Any, float]) -> list[tuple[list[str], float]]:
    if not isinstance(figure, Mapping):
        return [([], float(figure))]
    return [([*label] if isinstance(label, tuple) else [str(label)], float(value)) for label, value in figure.items()]


def _trades() -> Part:
    tally = wiring.tallies().trades()
    return {
        "trades_total": tally.entered,
        "trades_successful_total": tally.won,
        "trades_failed_total": tally.lost,
        "trades_open": tally.open,
        "avg_position_size": tally.mean_size,
        "realised_profit": tally.realised,
        "fees_paid": tally.fees,
        "trades_unprotected": tally.unprotected,
        "unprotected_seconds_total": tally.unprotected_s,
    }


def _orders() -> Part:
    tally = wiring.tallies().orders()
    since = tally.unclear_since
    return {
        "orders": tally.states,
        "executions_total": tally.executions,
        "orders_unknown": tally.unclear,
        "orders_unknown_age_seconds": 0 if since is None else max(0, (wiring.now() - since).total_seconds()),
    }


def _books() -> Part:
    tally = wiring.tallies().books(wiring.now())
    account, agreed = tally.account, tally.reconciled_at
    age: Part = {} if agreed is None else {"reconciliation_age_seconds": (wiring.now() - agreed).total_seconds()}
    return {
        "daily_drawdown_percent": float(100 * account.drawdown),
        "daily_loss_percent": float(100 * account.day_loss),
        "total_exposure_percent": float(100 * account.exposure_share),
        "equity": float(account.equity),
        "cash": float(account.cash),
        "trading_state": {state: state == account.state for state in TradingState},
        "reconciliation_differences": tally.differences,
        **age,
    }


def _checks() -> Part:
    checks = wiring.tallies().checks()
    rules = sorted({rule for rule, _ in checks})
    return {
        "risk_checks_passed_total": {rule: checks.get((rule, "passed"), 0) for rule in rules},
        "risk_checks_failed_total": {rule: checks.get((rule, "refused"), 0) for rule in rules},
    }


def _signals() -> Part:
    return {"signals_total": {type_: count for (type_,), count in wiring.tallies().signals().items()}}


def _waiting() -> Part:
    queues = wiring.queues()
    return {
        "dead_letters": wiring.tallies().letters(),
        "audits_unsealed": wiring.tallies().unsealed(),
        "queue_depth": queues.depths(QUEUES),
        "queue_oldest_seconds": queues.ages_s(QUEUES, wiring.now()),
    }


def _alerts() -> Part:
    channels = wiring.alerts().channels()
    states = {"sent": "sent", "waiting": "waiting", "given up": "given_up"}
    deliveries = {(one.channel, state): getattr(one, name) for one in channels for state, name in states.items()}
    return {"alerts_standing": wiring.alerts().standing(), "alert_deliveries": deliveries}


def _backups() -> Part:
    """Nothing before there is one."""
    kept = wiring.shelf().all()
    return {"backup_age_seconds": (wiring.now() - kept[-1].begun_at).total_seconds()} if kept else {}


def _mailboxes() -> Part:
    mailboxes = wiring.mailboxes()
    return {"mailbox_depth": mailboxes.depths(), "mailbox_oldest_seconds": mailboxes.ages_s()}


def _database() -> Part:
    tallies = wiring.tallies()
    took_ms = _took_ms(tallies.ping)
    connections = tallies.connections()
    return {
        "database_latency_ms": took_ms,
        **({} if connections is None else {"database_connections_active": connections}),
    }


def _redis() -> Part:
    return {"redis_latency_ms": _took_ms(wiring.redis().ping)}


def _took_ms(act: Callable[[], object]) -> float:
    act()  # whoever comes first connects
    began = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - began)
