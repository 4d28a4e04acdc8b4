"""Which symbols are looked at next, and when entries may be approved: what matters first, and nobody is starved."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from app.domain.looks import (
    DUE_A_RUN,
    MONTH,
    OVERLAP,
    WHOLE_A_RUN,
    Cursor,
    Look,
    Pace,
    Progress,
    Traded,
    Wanted,
    agenda,
    orders_due,
)
from tests.fixtures.memory.builders import NOON

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
PACE = Pace(30 * SECOND, HOUR)
HELD = Traded(NOON - HOUR, NOON - HOUR, is_held=True)
ENDED = Traded(NOON - HOUR, NOON - HOUR)


def done(symbol: str, ago: timedelta, look: Look = Look.FILLS, *, since_start: bool = True) -> Cursor:
    """A look that was finished so long ago."""
    return Cursor(symbol, look, NOON - ago, since_start)


def progress(*cursors: Cursor, **traded: Traded) -> Progress:
    """Of these symbols."""
    return Progress(traded, {}).after(cursors)


def seen(symbol: str, fills: timedelta, whole: timedelta = MINUTE, *, since_start: bool = True) -> list[Cursor]:
    """Both looks at a symbol, so long ago."""
    return [done(symbol, fills, since_start=since_start), done(symbol, whole, Look.WHOLE, since_start=since_start)]


def test_entries_wait_for_what_was_not_looked_at_since_the_start_or_for_long() -> None:
    now = progress(
        *seen("NEW", MINUTE, since_start=False),
        *seen("LATE", 2 * MINUTE),
        *seen("FRESH", 10 * SECOND),
        NEW=HELD,
        LATE=HELD,
        FRESH=HELD,
    )

    assert agenda(now, PACE, NOON) == [Wanted("LATE", Look.FILLS, True), Wanted("NEW", Look.FILLS, True)]


def test_a_symbol_that_was_never_compared_is_looked_at_wholly_and_first() -> None:
    now = progress(*seen("OLD", HOUR, HOUR), OLD=HELD, NEVER=ENDED)

    assert agenda(now, PACE, NOON) == [
        Wanted("NEVER", Look.WHOLE, True),
        Wanted("OLD", Look.FILLS, True),
        Wanted("OLD", Look.WHOLE, True),
    ]


@pytest.mark.parametrize(
    ("one", "matters"),
    [
        (HELD, True),
        (replace(ENDED, is_live=True), True),
        (replace(ENDED, touched_at=NOON - MINUTE), True),
        (replace(ENDED, touched_at=NOON - OVERLAP - 2 * MINUTE), False),
    ],
)
def test_a_symbol_matters_while_something_is_held_or_lives_or_has_just_ended(one: Traded, matters: bool) -> None:
    assert progress(done("ONE", MINUTE), ONE=one).matters("ONE") is matters


def test_a_whole_look_comes_before_the_rest_so_that_it_is_not_starved() -> None:
    names = [f"S{number}" for number in range(8)]
    cursors = [one for name in names for one in seen(name, 40 * SECOND, 2 * HOUR)]
    now = progress(*cursors, **dict.fromkeys(names, HELD))

    wanted = agenda(now, PACE, NOON)

    assert wanted[0] == Wanted("S0", Look.WHOLE, True)
    assert [one.look for one in wanted[1:]] == [Look.FILLS] * DUE_A_RUN + [Look.WHOLE] * (WHOLE_A_RUN - 1)
    assert "S0" not in [one.symbol for one in wanted[1:]]
    assert len([one for one in agenda(now, PACE, NOON, full=True) if one.look is Look.WHOLE]) == 8


def test_a_whole_look_is_not_starved_by_what_is_late_either() -> None:
    now = progress(*seen("A", HOUR, 2 * HOUR), *seen("B", HOUR), A=HELD, B=HELD)

    assert agenda(now, PACE, NOON) == [Wanted("A", Look.WHOLE, True), Wanted("B", Look.FILLS, True)]


def test_a_whole_look_that_is_under_way_goes_on_and_the_new_fills_are_looked_at_beside_it() -> None:
    stopped = done("ONE", 10 * MINUTE, Look.WHOLE).stopped(NOON - MINUTE, NOON - HOUR)
    now = progress(done("ONE", 40 * SECOND), stopped, ONE=HELD)

    assert agenda(now, PACE, NOON) == [Wanted("ONE", Look.WHOLE, True), Wanted("ONE", Look.FILLS)]


def test_a_look_goes_back_to_the_one_before_or_to_the_first_order_or_a_month() -> None:
    old = replace(HELD, first_at=NOON - 2 * MONTH)
    now = progress(done("ONE", MINUTE), ONE=HELD, OLD=old)

    assert now.since("ONE", Look.FILLS, NOON) == NOON - MINUTE - OVERLAP
    assert now.since("ONE", Look.WHOLE, NOON) == NOON - HOUR - OVERLAP
    assert now.since("OLD", Look.WHOLE, NOON) == NOON - MONTH


def test_the_books_agree_as_far_as_the_oldest_look_that_matters() -> None:
    now = progress(done("A", MINUTE), done("B", 2 * MINUTE), done("C", HOUR), A=HELD, B=HELD, C=ENDED)
    quiet = progress(C=replace(ENDED, touched_at=NOON - 2 * HOUR)).after([done("C", HOUR)])

    assert now.agreed_at(NOON - MINUTE, NOON) == NOON - HOUR  # what ended an hour ago was not looked at since
    assert quiet.agreed_at(None, NOON) == NOON
    assert progress().agreed_at(None, NOON) == NOON


def test_the_books_do_not_agree_while_something_was_not_compared_since_the_start() -> None:
    now = progress(done("A", MINUTE), done("B", MINUTE, since_start=False), A=HELD, B=HELD)

    assert now.agreed_at(None, NOON) is None
    assert now.waiting == 1
    assert now.after([done("B", SECOND)]).agreed_at(None, NOON) == NOON - MINUTE


def test_what_is_traded_anew_agrees_as_far_as_the_run_before() -> None:
    now = progress(done("A", SECOND), A=HELD, NEW=replace(HELD, first_at=NOON))

    assert now.agreed_at(NOON - MINUTE, NOON) == NOON - MINUTE


def test_how_many_were_looked_at_wholly_is_counted_from_an_instant() -> None:
    now = progress(done("A", SECOND, Look.WHOLE), done("B", HOUR, Look.WHOLE), A=HELD, B=HELD, C=HELD)

    assert now.wholly(NOON - MINUTE) == 1


def test_strange_orders_are_looked_for_often_where_one_is_known_and_in_all_symbols_in_their_turn() -> None:
    cursors = [done("KNOWN", MINUTE, Look.ORDERS), done("SEEN", MINUTE, Look.ORDERS), done("LONG", HOUR, Look.ORDERS)]
    now = progress(*cursors, TRADED=HELD)

    due = list(orders_due(now, ["LONG", "SEEN", "NEVER"], ["KNOWN"], PACE, NOON))

    assert due == ["KNOWN", "NEVER", "TRADED", "LONG"]


def test_a_cursor_never_goes_back() -> None:
    cursor = done("A", MINUTE)

    assert cursor.finished(NOON - HOUR).done_at == NOON - MINUTE
    assert cursor.finished(NOON) == Cursor("A", Look.FILLS, NOON, since_start=True)
    stopped = cursor.stopped(NOON, datetime.fromisoformat("2024-11-19T00:00:00+00:00"))
    assert stopped.finished(NOON).back_to is None
