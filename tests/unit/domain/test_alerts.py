"""What is worth telling a person, for how long, and in which words."""

from datetime import datetime, timedelta

import pytest

from app.domain.alerts import (
    Alert,
    Bare,
    Change,
    Failures,
    Heard,
    Kept,
    Kind,
    Lasting,
    Patience,
    Severity,
    Unclear,
    happened,
    in_books,
    in_messages,
    silence,
)
from app.domain.reconciliation import Difference
from tests.fixtures.memory.builders import NOON

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
PATIENCE = Patience(unclear=MINUTE, unprotected=10 * SECOND, books=2 * MINUTE)
FINE = Kept(reconciled_at=NOON)


def told(kept: Kept, at: datetime = NOON) -> list[tuple[str, Severity]]:
    return [(one.key, one.severity) for one in in_books(kept, PATIENCE, at)]


def test_of_a_farm_that_is_well_nothing_is_told() -> None:
    assert told(FINE) == []
    assert happened(FINE) == []
    assert in_messages(Heard(feed_speaks=True, queues_s={"orders": 59.9}), PATIENCE) == []


def test_a_farm_that_has_no_account_yet_has_no_books_to_compare() -> None:
    assert told(Kept(is_open=False)) == []


@pytest.mark.parametrize(
    ("state", "by", "severity", "title"),
    [
        ("HALTED", "breaker", Severity.CRITICAL, "Trading is HALTED: the breaker tripped"),
        ("REDUCING", "breaker", Severity.WARNING, "Trading is REDUCING: the breaker tripped"),
        ("HALTED", "ann", Severity.CRITICAL, "Trading is HALTED"),
        ("ACTIVE", "breaker", Severity.INFO, "Trading is ACTIVE"),
    ],
)
def test_each_change_of_the_trading_state_is_told_with_who_and_why(
    state: str, by: str, severity: Severity, title: str
) -> None:
    (alert,) = happened(Kept(changes=[Change(7, "ACTIVE", state, "lost 11 %", by, NOON)]))

    assert (alert.key, alert.severity, alert.title) == ("state:7", severity, title)
    assert f"It was ACTIVE. {by}: lost 11 %" in alert.text
    assert ("cdb resume" in alert.text) == title.endswith("tripped")


def test_an_order_is_told_once_it_has_been_unclear_for_long_enough() -> None:
    kept = Kept(unclear=[Unclear("O-1", "BTC/USDT", NOON)], reconciled_at=NOON)

    assert told(kept, NOON + MINUTE - SECOND) == []
    assert told(kept, NOON + MINUTE) == [("order:O-1", Severity.CRITICAL)]


def test_an_order_that_only_a_person_can_find_out_about_is_told_with_the_cure() -> None:
    (alert,) = in_books(Kept(held_orders=["O-1"], reconciled_at=NOON), PATIENCE, NOON)

    assert (alert.key, alert.severity) == ("order:O-1", Severity.CRITICAL)
    assert "cdb expire O-1" in alert.text


def test_a_position_is_told_once_it_was_not_protected_for_long_enough() -> None:
    kept = Kept(bare=[Bare(3, "BTC/USDT", NOON)], reconciled_at=NOON)

    assert told(kept, NOON + 9 * SECOND) == []
    assert told(kept, NOON + 10 * SECOND) == [("position:3", Severity.CRITICAL)]


def test_failed_tasks_are_one_alert_for_each_task_and_error() -> None:
    failures = [Failures("tasks.orders.place", "Denied", 1, "O-1"), Failures("tasks.orders.place", "KeyError", 7, "")]
    first, second = in_books(Kept(failures=failures, reconciled_at=NOON), PATIENCE, NOON)

    assert (first.key, first.title) == (
        "letter:tasks.orders.place:Denied",
        "A task has failed for good: tasks.orders.place",
    )
    assert "the newest about O-1" in first.text
    assert (second.title, "the newest" in second.text) == ("7 tasks have failed for good: tasks.orders.place", False)


def test_a_difference_is_told_once_it_is_sure() -> None:
    drift = Difference("balance", "USDT", "the venue has 3 more", seen=1)

    assert told(Kept(differences=[drift], reconciled_at=NOON)) == []
    assert told(Kept(differences=[Difference("balance", "USDT", "3 more", seen=2)], reconciled_at=NOON)) == [
        ("books:balance:USDT", Severity.CRITICAL)
    ]


@pytest.mark.parametrize("reconciled_at", [None, NOON - 2 * MINUTE - SECOND], ids=["never", "long ago"])
def test_books_that_nobody_has_compared_lately_are_told_if_that_lasts(reconciled_at: datetime | None) -> None:
    (alert,) = in_books(Kept(reconciled_at=reconciled_at), PATIENCE, NOON)

    assert (alert.key, alert.severity, alert.hold) == ("books:age", Severity.WARNING, 2 * MINUTE)


def test_of_the_feed_either_its_silence_is_told_or_what_it_does_not_hear() -> None:
    assert [one.key for one in in_messages(Heard(feed_speaks=False, stale=["A/USDT"]), PATIENCE)] == ["feed:silent"]

    (alert,) = in_messages(Heard(feed_speaks=True, stale=[f"{base}/USDT" for base in "ABCDEFG"]), PATIENCE)

    assert (alert.key, alert.title) == ("feed:stale", "The market is not heard of 7 symbols")
    assert "A/USDT, B/USDT, C/USDT, D/USDT, E/USDT and 2 more" in alert.text


def test_a_part_of_the_market_that_nobody_hears_is_told_beside_what_is_not_heard_of_the_rest() -> None:
    heard = Heard(feed_speaks=True, silent=[1, 3], shards=4, stale=["A/USDT"])

    first, second = in_messages(heard, PATIENCE)

    assert (first.key, first.severity, second.key) == ("feed:shards", Severity.CRITICAL, "feed:stale")
    assert first.text.startswith("Nobody hears shards 1, 3 of 4: no prices")


def test_a_queue_that_stands_still_and_a_wrong_clock_are_told() -> None:
    heard = Heard(feed_speaks=True, queues_s={"orders": 60.0, "ticks": 1.0}, clock_off="The venue's is +2000 ms away")

    assert [one.key for one in in_messages(heard, PATIENCE)] == ["queue:orders", "clock:venue"]


def test_a_service_that_is_not_well_is_told_with_its_own_words_if_that_lasts() -> None:
    (alert,) = in_messages(Heard(feed_speaks=True, ill={"risk@farm-1": "books: never compared"}), PATIENCE)

    assert (alert.key, alert.title, alert.hold) == (
        "service:risk@farm-1",
        "The service risk is not well",
        30 * SECOND,
    )
    assert "risk@farm-1: books: never compared" in alert.text


def test_what_must_last_is_told_when_it_has_lasted() -> None:
    lasting, alert = Lasting(), silence("Redis", "connection refused")

    assert lasting.standing([alert], NOON) == []
    assert lasting.standing([alert], NOON + 14 * SECOND) == []
    assert lasting.standing([alert], NOON + 15 * SECOND) == [alert]


def test_what_comes_and_goes_before_it_has_lasted_begins_anew() -> None:
    lasting, alert = Lasting(), silence("Redis", "connection refused")
    lasting.standing([alert], NOON)
    lasting.standing([], NOON + 10 * SECOND)

    assert lasting.standing([alert], NOON + 20 * SECOND) == []


def test_what_is_away_for_a_moment_is_not_over() -> None:
    lasting, alert = Lasting(), an_alert()
    lasting.standing([alert], NOON)

    assert lasting.standing([], NOON + 59 * SECOND) == [alert]
    assert lasting.standing([], NOON + 60 * SECOND) == []


def test_one_that_changes_its_words_is_told_in_the_newest() -> None:
    lasting = Lasting()
    lasting.standing([an_alert(title="1 task")], NOON)

    assert [one.title for one in lasting.standing([an_alert(title="2 tasks")], NOON + SECOND)] == ["2 tasks"]


def an_alert(*, title: str = "x", text: str = "", severity: Severity = Severity.CRITICAL) -> Alert:
    return Alert(Kind.ORDER, "O-1", severity, title, text)
