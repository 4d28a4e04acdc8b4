"""What is told of the whole farm, and by whom."""

from prometheus_client import CollectorRegistry, generate_latest

from app.metrics import Figures, Told

FIGURES: Figures = {
    "trades_total": [([], 3)],
    "orders": [(["open"], 1), (["filled"], 2)],
    "equity": [([], 10_000.5)],
}


def said(told: Told) -> list[str]:
    registry = CollectorRegistry()
    registry.register(told)
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("# HELP")]


def test_a_service_tells_its_own_families_and_how_old_they_are() -> None:
    told = said(Told(lambda: (FIGURES, 1.5), ["orders"]))

    assert told == [
        "# TYPE trades_total counter",
        "trades_total 3.0",
        "# TYPE orders gauge",
        'orders{state="open"} 1.0',
        'orders{state="filled"} 2.0',
        "# TYPE figures_age_seconds gauge",
        "figures_age_seconds 1.5",
    ]


def test_what_nobody_has_read_is_not_told() -> None:
    assert said(Told(lambda: ({}, None), ["orders", "risk", "upkeep"])) == []
