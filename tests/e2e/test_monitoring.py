"""A real Prometheus with the rules that are shipped reads a farm that trades: panels have figures, alerts are right."""

import json
import time
from pathlib import Path

import pytest

from tests.deploy.monitoring import metrics_in
from tests.fixtures.commands import ROOT, Commands, until
from tests.fixtures.prometheus import Prometheus, deployed
from workers.ports import free_port

DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
JOBS = {
    "cdb_websocket_screener": "FEED",
    "cdb_signal_engine": "SIGNALS",
    "cdb_risk_manager": "RISK",
    "cdb_execution": "ORDERS",
    "cdb_ticks": "TICKS",
    "cdb_upkeep": "UPKEEP",
    "cdb_notifier": "NOTIFIER",
}
# Panels' queries that tell nothing of a farm that is well, by what they ask for.
EMPTY_WHILE_ALL_IS_WELL = {
    "ALERTS": "nothing is wrong",
    "dead_letters": "no task has failed for good",
    "alert_deliveries": "nobody had to be told of anything",
    "ticks_doubled_total": "Redis counts it from the first on",
    "ticks_late_total": "the same",
    "ticks_archive_lost_total": "the same",
    "requests_waited_total": "the same",
    "venue_answers_total": "the venue has limited nobody",
}

pytestmark = pytest.mark.timeout(400)


def queries() -> list[str]:
    """Those of all panels that show something, each once."""
    boards = [json.loads(path.read_text()) for path in DASHBOARDS]
    found = {target["expr"] for board in boards for panel in board["panels"] for target in panel["targets"]}
    return sorted(one for one in found if "vector(0)" in one or metrics_in(one).isdisjoint(EMPTY_WHILE_ALL_IS_WELL))


def silent(told: Prometheus) -> list[str]:
    """Queries that tell nothing, or no number."""
    figures = {one: list(told.query(one).values()) for one in queries()}
    return [one for one, values in figures.items() if not any(value == value for value in values)]


def all_show_something(told: Prometheus) -> None:
    """They do, within a minute."""
    deadline = time.monotonic() + 60
    while (found := silent(told)) and time.monotonic() < deadline:
        time.sleep(2)
    assert found == []


def test_each_panel_shows_a_farm_that_trades_and_no_alert_fires_until_there_is_a_reason(
    cdb: Commands, tmp_path: Path
) -> None:
    ports = {job: free_port() for job in JOBS}
    cdb.env |= {f"CDB_PORT_{JOBS[job]}": str(port) for job, port in ports.items()}
    cdb.env["CDB_NOTIFY_URLS"] = f"json://127.0.0.1:{free_port()}"
    farm = cdb.start("up")
    until(lambda: "is up" in cdb.said or farm.poll() is not None, "the farm's start", 120)
    assert farm.poll() is None, cdb.said
    with deployed(tmp_path / "prometheus", ports) as told:
        until(lambda: told.one("sum(up)") == len(JOBS), "all targets")
        until(lambda: (told.one("farm:trades_closed:total") or 0) >= 2, "a minute's trades", 150)
        all_show_something(told)

        assert told.broken_rules() == {}
        assert told.query('count by (alertname) (max_over_time(ALERTS{alertstate="firing"}[10m]))') == {}

        cdb.run("halt", "--reason", "to be told of it")
        until(lambda: "TradingHalted" in told.alerts(), "the alert")
        assert "cdb resume" in told.alerts()["TradingHalted"]["description"]

        cdb.run("resume", "--reason", "it was told", "--yes")
        until(lambda: told.alerts() == {}, "the end of the alert")
