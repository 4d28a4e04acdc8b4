"""A day's report says what was earned, risked and left over."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from app.domain.days import Day, report

A_DAY = Day(
    date=date(2024, 11, 20),
    opened=Decimal(10000),
    closed=Decimal("10123.456"),
    drawdown=Decimal("0.0123"),
    trades=4,
    won=3,
    profit=Decimal("120.5"),
    fees=Decimal("2.25"),
    orders={"filled": 8, "expired": 1},
    failed_tasks=2,
    unprotected_s=3.4,
    trades_open=1,
    state="ACTIVE",
)
EMPTY = Day(date(2024, 11, 20), None, None, Decimal(0), 0, 0, Decimal(0), Decimal(0))


def test_a_day_is_told_in_a_few_lines() -> None:
    alert = report(A_DAY, "USDT")

    assert (alert.key, alert.title) == ("report:2024-11-20", "2024-11-20: +123.46 USDT (+1.23%)")
    assert alert.text.splitlines() == [
        "equity 10000.00 → 10123.46 USDT: +123.46 (+1.23%), drawdown at most 1.23%",
        "trades closed 4, 3 with profit (75%); profit +120.50, fees 2.25",
        "orders 1 expired, 8 filled; open trades 1; trading is ACTIVE",
        "failed tasks 2; positions not protected for 3 s",
    ]


def test_what_did_not_go_wrong_is_not_told() -> None:
    alert = report(replace(A_DAY, failed_tasks=0, unprotected_s=0.0), "USDT")

    assert len(alert.text.splitlines()) == 3


def test_a_day_without_a_farm_has_not_been() -> None:
    assert A_DAY.has_been
    assert not EMPTY.has_been


def test_a_day_without_trades_or_equity_can_be_told_too() -> None:
    lines = report(EMPTY, "USDT").text.splitlines()

    assert lines[0] == "equity 0.00 → 0.00 USDT: +0.00, drawdown at most 0.00%"
    assert lines[1].startswith("trades closed 0, none with profit")
    assert lines[2] == "orders none; open trades 0; trading is not open"
