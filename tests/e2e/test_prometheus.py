"""A real Prometheus reads a whole farm, and its counters say what the database says, also after kills."""

import time
from decimal import Decimal
from itertools import cycle
from threading import Event, Thread
from typing import Any

import psutil
import pytest
from sqlalchemy import func, select, text

from app.simulator.catalogue import listing, symbols
from app.store import Database
from models import ExecutionRow, OrderRow, RiskEventRow, SignalRow, TradeRow
from models.orders import LIVE
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.commands import Commands, until, worker
from tests.fixtures.prometheus import Prometheus, prometheus
from tests.fixtures.venue import ServedVenue, served
from workers.ports import free_port
from workers.venue import VenueConfig

SERVICES = ("feed", "signals", "risk", "orders", "ticks", "upkeep")
NAMES = symbols(8)
UP = Decimal("1.002")
EAGER = {"CDB_STRATEGIES": "workers.chaos.eager:Strategy", "CDB_RISK__COOLDOWN__LIMIT_S": "0"}

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


class Market(Thread):
    """Rises and falls, one symbol after the other, until it is closed; `sent` are its ticks."""

    def __init__(self, venue: ServedVenue) -> None:
        super().__init__(name="market", daemon=True)
        self._venue, self._closed = venue, Event()
        self.sent = 0

    def run(self) -> None:
        """A tick every tenth of a second."""
        opening = {name: listing(name, rank).opening for rank, name in enumerate(NAMES)}
        for name, move in cycle((name, move) for move in (UP, 1 / UP) for name in NAMES):
            if self._closed.wait(0.1):
                return
            self._venue.tick(name, (opening[name] * move).quantize(listing(name, 0).tick), 1000)
            self.sent += 1

    def close(self) -> None:
        """No more ticks."""
        self._closed.set()
        self.join()


class Held:
    """What the database holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, row: Any, *which: Any) -> int:
        with self._database.reading() as session:
            return session.scalar(select(func.count()).select_from(row).where(*which)) or 0

    def by(self, *columns: Any) -> dict[tuple[str, ...], float]:
        with self._database.reading() as session:
            rows = session.execute(select(*columns, func.count()).group_by(*columns))
            return {tuple(names): float(count) for *names, count in rows}

    def told(self) -> dict[str, Any]:
        """As the metrics call it."""
        checks = self.by(RiskEventRow.risk_check, RiskEventRow.result)
        rules = {rule for rule, _ in checks}
        return {
            "trades_total": {(): float(self.count(TradeRow, TradeRow.entry_price.is_not(None)))},
            "executions_total": {(): float(self.count(ExecutionRow))},
            "orders": self.by(OrderRow.state),
            "signals_total": self.by(SignalRow.signal_type),
            "risk_checks_passed_total": {(rule,): checks.get((rule, "passed"), 0.0) for rule in rules},
            "risk_checks_failed_total": {(rule,): checks.get((rule, "refused"), 0.0) for rule in rules},
        }


def differing(held: Held, told: Prometheus) -> dict[str, Any]:
    """What Prometheus was told of otherwise than the database holds it."""
    asked = {name: (told.query(name), figures) for name, figures in held.told().items()}
    return {name: both for name, both in asked.items() if both[0] != both[1]}


def agree(held: Held, told: Prometheus) -> None:
    """They do, once what was read last is told."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := differing(held, told)) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert found == {}


def test_counters_are_the_databases_also_after_workers_were_killed(cdb: Commands) -> None:
    ports = {service: free_port() for service in SERVICES}
    cdb.env |= {f"CDB_PORT_{service.upper()}": str(port) for service, port in ports.items()}
    with served(VenueConfig(market="idle", symbols=NAMES)) as venue:
        market = Market(venue)
        market.start()
        addresses = {"CDB_EXCHANGE_REST_URL": venue.rest_url, "CDB_EXCHANGE_WS_URL": venue.ws_url}
        cdb.env |= {**EAGER, **addresses, "CDB_SYMBOLS": ",".join(NAMES)}
        farm = cdb.start("up")
        until(lambda: "is up" in cdb.said or farm.poll() is not None, "the farm's start", 120)
        assert farm.poll() is None, cdb.said
        held = Held(Database(f"sqlite:///{cdb.data_dir}/cdb.sqlite"))
        with prometheus(cdb.data_dir / "prometheus", list(ports.values())) as told:
            until(lambda: told.one("sum(up)") == len(SERVICES), "all targets")
            until(lambda: held.count(ExecutionRow) > 6, "some executions")
            for victim in (worker(farm, "orders"), _child(worker(farm, "risk"))):
                assert victim is not None
                victim.kill()
            before = held.count(ExecutionRow)
            until(lambda: held.count(ExecutionRow) > before + 6, "executions after the kills")
            market.close()
            until(lambda: held.count(OrderRow, text(LIVE)) == 0, "the end of all orders")
            until(lambda: held.count(SignalRow, SignalRow.status == "found") == 0, "the last decision")

            agree(held, told)
            processed = told.one("ticks_processed_total")
            assert processed == told.one("ticks_received_total")
            assert processed is not None
            assert 0 < processed <= market.sent
            assert told.one("sum(service_health)") == len(SERVICES)
            assert told.one('tick_latency_seconds_count{stage="order"}')
            assert told.one("websocket_latency_ms") is not None
            assert (told.one("redis_latency_ms") or 0) > 0
            assert (told.one("database_connections_active") or 0) >= 1


def _child(process: psutil.Process | None) -> psutil.Process | None:
    return None if process is None else next(iter(process.children()), None)
