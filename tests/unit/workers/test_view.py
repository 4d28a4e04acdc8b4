"""What a person sees of a farm."""

from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from app.figures import Figures
from app.store import Delay, Summary
from tests.fixtures.memory.builders import NOON, an_order
from workers import view
from workers.supervisor import Kept, Logs, Service
from workers.zygotes import Zygotes

EMPTY: dict[str, Any] = {
    "signals": {},
    "refusals": {},
    "orders": {},
    "executions": 0,
    "trades_open": 0,
    "trades_closed": 0,
    "trades_won": 0,
    "unprotected": 0,
    "unprotected_s": 0.0,
    "realised": Decimal(0),
    "fees": Decimal(0),
    "equity": None,
    "cash": None,
    "day_open": None,
    "trading_state": None,
    "state_reason": None,
    "state_by": None,
    "state_at": None,
    "delay": None,
}
BUSY: dict[str, Any] = {
    "signals": {"BUY": 3, "SELL": 1},
    "refusals": {"cooldown": 1, "exposure": 2},
    "orders": {"filled": 2, "cancelled": 1},
    "executions": 5,
    "trades_open": 1,
    "trades_closed": 2,
    "trades_won": 1,
    "realised": Decimal("3.456"),
    "fees": Decimal("0.2"),
    "equity": Decimal("10003.21"),
    "cash": Decimal(9000),
    "day_open": Decimal(10_000),
    "trading_state": "ACTIVE",
    "delay": Delay(3, 12.4, 20.0, 31.6),
}


def figures(counters: dict[str, int] | None = None, **summary: Any) -> Figures:
    return Figures(
        at=NOON,
        counters=counters or {},
        mailboxes={0: 3, 1: 4},
        queues={"ticks": 1, "signals": 2, "risk": 0, "orders": 0, "upkeep": 0},
        feed=None,
        summary=Summary(**{**EMPTY, **summary}),
        pauses={},
    )


def shown(what: RenderableType) -> str:
    paper = StringIO()
    Console(file=paper, width=160).print(what)
    return paper.getvalue()


def test_a_farm_that_has_just_begun_is_a_line_without_figures() -> None:
    assert view.line(figures(), 0.0) == (
        "12:00:00 opening | equity – (– today) | 0 ticks/s | bars 0 | signals 0 | orders 0 (0 filled) | "
        "executions 0 | waiting 10"
    )


def test_a_busy_farm_is_a_line_of_what_it_did() -> None:
    assert view.line(figures({"bars_closed": 70}, **BUSY), 1234.5) == (
        "12:00:00 ACTIVE | equity 10,003.21 (+3.21 today) | 1234 ticks/s | bars 70 | signals 4 | orders 3 (2 filled) | "
        "executions 5 | waiting 10"
    )


def test_ticks_a_second_are_counted_between_two_looks() -> None:
    rate = view.Rate()

    assert [rate(0.0, 100), rate(2.0, 300), rate(3.0, 350)] == [0.0, 100.0, 50.0]


def test_a_rate_survives_a_clock_that_stands_still_and_counters_that_begin_anew() -> None:
    rate = view.Rate()
    rate(1.0, 100)

    assert rate(1.0, 200) == 0.0
    assert rate(2.0, 0) == 0.0


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [
        (None, "", "–"),
        (Decimal("10003.214"), "", "10,003.21"),
        (Decimal("3.2"), "+", "+3.20"),
        (Decimal(-1), "", "-1.00"),
    ],
)
def test_money_has_two_places_and_its_sign_where_that_matters(value: Decimal | None, sign: str, text: str) -> None:
    assert view.money(value, sign) == text


def test_the_live_view_shows_services_orders_and_addresses(tmp_path: Path) -> None:
    kept = [Kept(Service(name, ("true",)), Logs(tmp_path), Zygotes()) for name in ("ticks", "signals", "feed")]
    kept[1].restarts = 7
    addresses = {"Flower": "http://127.0.0.1:5555"}

    text = shown(view.screen(figures(**BUSY), 42.0, kept, [an_order(price=Decimal("1E+2"))], addresses))

    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.split()}
    assert rows["ticks"] == ["ticks", "down", "–", "0", "7"]
    assert rows["signals"] == ["signals", "down", "–", "7", "2"]
    assert rows["feed"] == ["feed", "down", "–", "0"]
    assert rows["12:00:00"] == ["12:00:00", "BTC/USDT", "buy", "entry", "1", "100", "approved"]
    assert "Flower: http://127.0.0.1:5555  Ctrl-C stops" in text
    assert "equity 10,003.21 USDT" in text
    assert "42 ticks/s" in text


def test_a_state_that_halts_says_why() -> None:
    text = shown(view.screen(figures(trading_state="HALTED", state_reason="the day lost 11 %"), 0.0, [], [], {}))

    assert "HALTED: the day lost 11 %" in text


def test_a_state_of_long_ago_needs_no_reason() -> None:
    assert "opened" not in shown(view.screen(figures(trading_state="ACTIVE", state_reason="opened"), 0.0, [], [], {}))


def test_the_summary_counts_and_names_what_was_counted() -> None:
    assert view.summary_rows(figures(**BUSY).summary) == {
        "signals": "4 (BUY 3, SELL 1)",
        "refusals": "3 (cooldown 1, exposure 2)",
        "orders": "3 (cancelled 1, filled 2)",
        "executions": "5",
        "trades": "2 closed (1 won), 1 open",
        "not protected": "0 trades now; 0.0 s in all",
        "profit and loss": "+3.46 USDT realised",
        "fees": "0.20 USDT",
        "equity": "10,003.21 USDT",
        "tick → order": "median 12 ms, worst 32 ms",
    }


def test_a_summary_of_nothing_is_noughts_and_dashes() -> None:
    rows = view.summary_rows(figures().summary)

    assert (rows["signals"], rows["equity"], rows["tick → order"]) == ("0", "– USDT", "–")


def test_the_table_begins_with_what_else_is_told() -> None:
    lines = shown(view.summary_table(figures().summary, "What came of it", {"ticks": "12"})).split("\n")

    assert lines[0].strip() == "What came of it"
    assert next(line.split() for line in lines[1:] if line.strip()) == ["ticks", "12"]


def test_a_row_that_is_told_better_takes_the_place_of_the_common_one() -> None:
    text = shown(view.summary_table(figures(**BUSY).summary, "Replay", {"tick → order": "worst 3 ms"}))

    assert text.count("tick → order") == 1
    assert "worst 3 ms" in text
