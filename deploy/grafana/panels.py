"""What Grafana's JSON says again and again: a dashboard is rows of panels, each with its queries, unit and limits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DATASOURCE = {"type": "prometheus", "uid": "cdb-prometheus"}
Steps = Mapping[float, str] | Mapping[int, str]

COLUMNS = 24
GOOD, NEAR, BAD = "green", "yellow", "red"


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure or graph: `queries` by legend, `steps` are colours from a value on, `most` is where a gauge ends."""

    kind: str
    title: str
    description: str
    queries: Mapping[str, str]
    unit: str
    steps: Steps
    names: Mapping[int, str]
    is_stacked: bool = False
    most: float | None = None

    def json(self, number: int, x: int, y: int, width: int, height: int) -> dict[str, Any]:
        """As Grafana reads it."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": width, "h": height},
            "targets": [
                {"refId": chr(ord("A") + place), "datasource": DATASOURCE, "expr": expr, "legendFormat": legend}
                for place, (legend, expr) in enumerate(self.queries.items())
            ],
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
            "options": self._options(),
        }

    def _defaults(self) -> dict[str, Any]:
        steps = [{"value": None, "color": GOOD}, *({"value": at, "color": to} for at, to in self.steps.items())]
        defaults: dict[str, Any] = {"unit": self.unit, "thresholds": {"mode": "absolute", "steps": steps}}
        if self.most is not None:
            defaults |= {"min": 0, "max": self.most}
        if self.names:
            named = {str(value): {"text": name} for value, name in self.names.items()}
            defaults["mappings"] = [{"type": "value", "options": named}]
        if self.kind == "timeseries":
            defaults["custom"] = {
                "thresholdsStyle": {"mode": "line" if self.steps else "off"},
                "stacking": {"mode": "normal" if self.is_stacked else "none"},
                "fillOpacity": 20 if self.is_stacked else 0,
            }
        else:
            defaults["color"] = {"mode": "thresholds"}
        return defaults

    def _options(self) -> dict[str, Any]:
        if self.kind == "timeseries":
            return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
        return {"reduceOptions": {"calcs": ["lastNotNull"], "values": False}}


def figure(
    title: str,
    description: str,
    query: str,
    unit: str = "short",
    steps: Steps | None = None,
    names: Mapping[int, str] | None = None,
) -> Panel:
    """One number, as it is now."""
    return Panel("stat", title, description, {"": query}, unit, steps or {}, names or {})


def gauge(title: str, description: str, query: str, near: float, limit: float) -> Panel:
    """A share in percent, yellow when it is near its limit and red from there on, in the middle."""
    steps = {near: NEAR, limit: BAD}
    return Panel("gauge", title, description, {"": query}, "percent", steps, {}, most=2 * limit)


def graph(
    title: str,
    description: str,
    queries: Mapping[str, str],
    unit: str = "short",
    steps: Steps | None = None,
    *,
    is_stacked: bool = False,
) -> Panel:
    """Lines over time; `queries` by their legends, `{{label}}` within those. Limits are lines too."""
    return Panel("timeseries", title, description, queries, unit, steps or {}, {}, is_stacked)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Rows of panels, which share a row's width."""

    uid: str
    title: str
    description: str
    rows: Sequence[Sequence[Panel]]

    def json(self) -> dict[str, Any]:
        """As Grafana is provisioned with it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["claire-de-binare"],
            "timezone": "utc",
            "refresh": "10s",
            "time": {"from": "now-6h", "to": "now"},
            "schemaVersion": 39,
            "version": 1,
            "editable": False,
            "links": [
                {
                    "type": "dashboards",
                    "tags": ["claire-de-binare"],
                    "title": "Claire de Binare",
                    "asDropdown": False,
                    "keepTime": True,
                }
            ],
            "panels": list(self._placed()),
        }

    def _placed(self) -> Iterator[dict[str, Any]]:
        y, number = 0, 1
        for row in self.rows:
            height = 8 if any(panel.kind == "timeseries" for panel in row) else 5
            width = COLUMNS // len(row)
            for place, panel in enumerate(row):
                yield panel.json(number, place * width, y, width, height)
                number += 1
            y += height
