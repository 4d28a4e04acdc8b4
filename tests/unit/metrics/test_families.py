"""What is told of the whole farm, by whom, and that the page about it says the same."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from app.metrics import FAMILIES, Figures, Told

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
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


def test_the_page_has_each_family_as_it_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = [
        f"| `{name}` | {family.service} | {', '.join(f'`{one}`' for one in family.labels) or '–'} | {family.meaning} |"
        for name, family in FAMILIES.items()
    ]

    assert [row for row in rows if row not in text] == []
