"""Grafana's dashboards: what Grafana would stumble over, and whether each panel asks for what there is."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from deploy.grafana.boards import written
from tests.deploy.monitoring import DEPLOY, known, metrics_in, ran, read

GRAFANA = DEPLOY / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
LIMITS = {
    "daily_drawdown_percent": Settings.model_fields["max_daily_drawdown"].default,
    "daily_loss_percent": Settings.model_fields["max_day_loss"].default,
    "total_exposure_percent": Settings.model_fields["max_total_exposure"].default,
}


def boards() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in FILES]


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = board["panels"]
    return found


ALL = [pytest.param(panel, id=f"{board['uid']}-{panel['id']}") for board in boards() for panel in panels(board)]


def test_the_files_are_what_make_dashboards_writes() -> None:
    assert {path: path.read_text() for path in FILES} == written()


def test_there_are_four_and_each_is_known_by_a_name_of_its_own() -> None:
    assert {board["title"].removeprefix("Claire de Binare: ") for board in boards()} == {
        *("Overview", "Trading Performance", "Risk Metrics", "Infrastructure")
    }
    assert len({board["uid"] for board in boards()}) == 4


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_panels_have_numbers_of_their_own_and_do_not_overlap(path: Path) -> None:
    found = panels(json.loads(path.read_text()))
    places = [panel["gridPos"] for panel in found]

    assert len({panel["id"] for panel in found}) == len(found)
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not [(one, other) for one, other in combinations(places, 2) if _overlap(one, other)]


@pytest.mark.parametrize("panel", ALL)
def test_each_panel_says_what_it_shows_and_in_what_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith((".", "list"))
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]


@pytest.mark.parametrize("panel", ALL)
def test_each_panel_asks_for_what_the_farm_tells(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert metrics_in(target["expr"])
        assert metrics_in(target["expr"]) <= known()


@pytest.mark.parametrize("panel", ALL)
def test_a_figure_that_has_a_limit_is_shown_with_it(panel: dict[str, Any]) -> None:
    asked = {name for target in panel["targets"] for name in metrics_in(target["expr"])}
    steps = {step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]}

    assert {float(100 * LIMITS[name]) for name in asked & set(LIMITS)} <= steps


def test_each_query_can_be_read_by_prometheus(tmp_path: Path) -> None:
    queries = [target["expr"] for board in boards() for panel in panels(board) for target in panel["targets"]]
    rules = [{"record": f"panel:{place}", "expr": query} for place, query in enumerate(queries)]
    (tmp_path / "panels.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))

    said = ran("prometheus", "promtool", "check", "rules", tmp_path / "panels.yml")

    assert f"{len(queries)} rules found" in said


def test_all_ask_the_datasource_that_is_provisioned() -> None:
    (provisioned,) = read(GRAFANA / "provisioning/datasources/prometheus.yml")["datasources"]
    asked = {one["datasource"]["uid"] for board in boards() for panel in panels(board) for one in panel["targets"]}

    assert asked == {provisioned["uid"]}
    assert provisioned["type"] == "prometheus"


def test_the_dashboards_are_provisioned_from_files() -> None:
    (provider,) = read(GRAFANA / "provisioning/dashboards/claire.yml")["providers"]

    assert provider["type"] == "file"
    assert Path(provider["options"]["path"]).name == FILES[0].parent.name


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not beside and not above
