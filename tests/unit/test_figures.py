"""Figures of a farm, read from its Redis and its database."""

from decimal import Decimal

import msgspec

from app import figures, wiring
from tests.fixtures.memory.builders import NOON


def test_a_new_farm_has_figures_too(wired: None) -> None:
    seen = figures.read()

    assert seen.waiting == 0
    assert seen.bars == 0
    assert seen.mailboxes == {0: 0, 1: 0}
    assert seen.feed is None
    assert seen.profit is None


def test_messages_in_queues_wait(wired: None) -> None:
    prefix = wiring.settings().redis_prefix
    wiring.redis().lpush(f"{prefix}orders", "a message", "another")

    seen = figures.read()

    assert seen.queues["orders"] == 2
    assert seen.waiting == 2


def test_what_was_counted_and_what_the_feed_says_is_there(wired: None) -> None:
    wiring.counters().add(bars_closed=7)
    wiring.feed_status().write({"symbols": 2, "subscribed": 1, "ready": False})

    seen = figures.read()

    assert seen.bars == 7
    assert seen.feed == {"symbols": 2, "subscribed": 1, "ready": False}


def test_profit_is_equity_since_the_days_opening(wired: None) -> None:
    wiring.ledger().open_account(Decimal(10_000), NOON)

    assert figures.read().profit == Decimal(0)


def test_machines_read_them_as_json_with_money_as_text(wired: None) -> None:
    wiring.ledger().open_account(Decimal("10000.5"), NOON)

    plain = msgspec.json.decode(msgspec.json.encode(figures.read().plain()))

    assert plain["equity"] == "10000.5"
    assert plain["mailboxes"] == {"0": 0, "1": 0}
    assert plain["signals"] == {}
    assert plain["delay"] is None
    assert plain["at"].endswith("+00:00")
