"""Prometheus' configuration and rules: they are valid, each is tried, and what they name exists."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from app.cli.main import cdb
from app.settings import Settings
from tests.deploy.monitoring import PROMETHEUS, RULES, TESTS, known, metrics_in, ran, read, rules

ALERTS = rules("alert")
RECORDS = rules("record")
RUNBOOKS = {
    *("service-down", "database-down", "redis-down", "feed-silent", "unknown-order", "breaker-tripped"),
    *("memory-high", "dead-letters", "restore", "key-rotation", "upgrade"),
}
PORTS = {
    "cdb_websocket_screener": "feed",
    "cdb_signal_engine": "signals",
    "cdb_risk_manager": "risk",
    "cdb_execution": "orders",
    "cdb_ticks": "ticks",
    "cdb_upkeep": "upkeep",
    "cdb_notifier": "notifier",
}
PAGE = PROMETHEUS.parents[1] / "docs" / "monitoring.md"
CHECKS = [check for path in TESTS for test in read(path)["tests"] for check in test["promql_expr_test"]]


def test_the_configuration_and_its_rules_are_valid() -> None:
    said = ran("prometheus", "promtool", "check", "config", PROMETHEUS / "prometheus.yml")

    assert f"{len(RULES)} rule files found" in said


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_rules_fire_when_they_should_and_only_then(path: Path) -> None:
    assert "SUCCESS" in ran("prometheus", "promtool", "test", "rules", path)


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_is_tried_before_while_and_after_it_fires(name: str) -> None:
    asked = [bool(one["exp_samples"]) for one in CHECKS if f'alertname="{name}"' in one["expr"]]

    assert re.search("01+0", "".join("1" if fires else "0" for fires in asked))


@pytest.mark.parametrize("name", RECORDS)
def test_each_recording_rule_is_tried(name: str) -> None:
    assert [one for one in CHECKS if one["expr"] == name and one["exp_samples"]]


@pytest.mark.parametrize("name", [*ALERTS, *RECORDS])
def test_each_rule_asks_for_what_the_farm_tells(name: str) -> None:
    rule = {**ALERTS, **RECORDS}[name]

    assert metrics_in(rule["expr"])
    assert metrics_in(rule["expr"]) <= known()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('max by (state) (orders{state="open"}) > 0 and on() sum(rate(tasks_total[5m]))', {"orders", "tasks_total"}),
        ("farm:win_rate:percent offset 10m", {"farm:win_rate:percent"}),
        ("max(no_such_metric) / 2^30 < 1e3", {"no_such_metric"}),
    ],
)
def test_names_are_found_in_queries(query: str, names: set[str]) -> None:
    assert metrics_in(query) == names


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_says_how_grave_it_is_and_names_its_runbook(name: str) -> None:
    alert = ALERTS[name]
    runbook = alert["annotations"]["runbook"]

    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert alert["annotations"]["summary"]
    assert runbook in {f"docs/runbooks/{one}.md" for one in RUNBOOKS}


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_says_the_cure_by_commands_and_settings_that_there_are(name: str) -> None:
    told = ALERTS[name]["annotations"]["description"]
    commands = typer.main.get_command(cdb).commands  # type: ignore[attr-defined]
    named = re.findall(r"`cdb (\w+)", told)
    settings = {f"CDB_{field.upper()}" for field in Settings.model_fields}

    assert named or "`docker compose" in told or "by NTP" in told
    assert set(named) <= set(commands)
    assert {one for one in re.findall(r"CDB_[A-Z_]*[A-Z](?![A-Z_*])", told) if not one.endswith("_")} <= settings


def test_the_page_about_alerts_tells_of_each_how_grave_it_is() -> None:
    rows = re.findall(r"^\| (\w+) \| (critical|warning) \| .+ \|$", PAGE.read_text(), re.MULTILINE)

    assert len(rows) == len(ALERTS)
    assert dict(rows) == {name: alert["labels"]["severity"] for name, alert in ALERTS.items()}


def test_the_limits_are_those_that_the_farm_has_unless_told_otherwise() -> None:
    expected = {
        "DrawdownNearLimit": Settings.model_fields["max_daily_drawdown"].default,
        "DrawdownUnanswered": Settings.model_fields["max_daily_drawdown"].default,
        "DailyLossNearLimit": Settings.model_fields["max_day_loss"].default,
        "DailyLossUnanswered": Settings.model_fields["max_day_loss"].default,
        "ExposureOverLimit": Settings.model_fields["max_total_exposure"].default,
    }

    for name, limit in expected.items():
        assert re.search(rf"[<>] {100 * limit:.0f}\b", ALERTS[name]["expr"]), name


def test_each_service_is_asked_on_its_port() -> None:
    asked = {job["job_name"]: _port(job) for job in read(PROMETHEUS / "prometheus.yml")["scrape_configs"]}

    assert asked == {job: Settings.model_fields[f"port_{service}"].default for job, service in PORTS.items()}


def _port(job: dict[str, Any]) -> int:
    """Where it is asked, by its own name."""
    if "dns_sd_configs" in job:
        (found,) = job["dns_sd_configs"]
        assert (found["names"], found["type"]) == ([job["job_name"]], "A")
        return int(found["port"])
    ((target,),) = [one["targets"] for one in job["static_configs"]]
    name, port = target.split(":")
    assert name == job["job_name"]
    return int(port)
