"""What a request weighs is what the venue counts."""

from typing import Any
from unittest.mock import Mock

import pytest

from app.exchanges.mexc.weights import UNKNOWN, weight_of
from app.simulator.server import Route, routes

NOBODY: Any = Mock()
ROUTES = {
    (method, path.removeprefix("/api/v3/")): route
    for (method, path), route in routes(NOBODY, NOBODY).items()
    if path.startswith("/api/v3/")
}


@pytest.mark.parametrize(("name", "route"), ROUTES.items(), ids=[" ".join(name) for name in ROUTES])
def test_every_endpoint_weighs_what_the_simulator_counts(name: tuple[str, str], route: Route) -> None:
    assert weight_of(*name, {"symbol": "BTCUSDT"}) == route.weight
    assert weight_of(*name, {}) == (route.weight_of_all or route.weight)


def test_what_is_not_known_is_heavy() -> None:
    assert weight_of("GET", "etf/info", {}) == UNKNOWN
