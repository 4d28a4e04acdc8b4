"""Joining prints across a silence: none lost, none twice."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from app.domain.continuity import LAG_MS, Early, Print, Stamps, joined


def a_print(ms: int, price: float = 100.0, quantity: float = 1.0, side: str = "buy") -> Print:
    return Print(ms, price, quantity, side)


def test_what_happened_in_the_silence_comes_before_what_is_heard_now() -> None:
    new = joined(heard=[a_print(10)], asked=[a_print(10), a_print(20), a_print(30)], live=[a_print(30), a_print(40)])

    assert new == [a_print(20), a_print(30), a_print(40)]


def test_two_prints_that_say_the_same_are_two() -> None:
    assert joined([a_print(10)], [a_print(10), a_print(10), a_print(10)], []) == [a_print(10), a_print(10)]


def test_nothing_missed_is_nothing_new() -> None:
    assert joined([a_print(10)], [a_print(10)], []) == []


def test_prints_of_the_stream_that_the_venue_tells_as_one_are_not_told_again() -> None:
    live = [a_print(20, quantity=1.0), a_print(20, quantity=0.5)]

    assert joined([], [a_print(20, quantity=1.5)], live) == live


def test_prints_that_differ_in_side_or_price_are_different() -> None:
    asked = [a_print(10, side="sell"), a_print(10, price=101)]

    assert joined([a_print(10)], [a_print(10), *asked], []) == asked


prints = st.builds(
    a_print, st.integers(1, 6), st.sampled_from([1.0, 2.0]), st.just(1.0), st.sampled_from(["buy", "sell"])
)


@given(st.lists(prints, max_size=12), st.lists(prints, max_size=12), st.lists(prints, max_size=12))
def test_whatever_was_missed_all_of_it_is_passed_on_once(
    before: list[Print], silent: list[Print], after: list[Print]
) -> None:
    """The venue knows everything; the stream said `before`, then nothing, then `after` (later than the silence)."""
    after = [one._replace(ms=one.ms + 10) for one in after]

    new = joined(before, [*before, *silent, *after], after)

    assert Counter(new) == Counter([*silent, *after])
    assert [one.ms for one in new] == sorted(one.ms for one in new)


def test_what_was_answered_before_the_stream_said_it_is_not_new_when_it_does() -> None:
    early = Early(heard=[a_print(10)], asked=[a_print(10), a_print(20), a_print(30), a_print(30)], live=[a_print(20)])

    assert early.unknown([a_print(30), a_print(40)]) == [a_print(40)]
    assert early.unknown([a_print(30), a_print(30)]) == [a_print(30)], "the venue answered two, and there is a third"


def test_what_the_venue_answered_as_one_is_known_when_the_stream_says_it_as_several() -> None:
    early = Early([], [a_print(20, quantity=1.5)], [])

    parts = [a_print(20, quantity=1.0), a_print(20, quantity=0.5), a_print(20, quantity=0.1)]

    assert early.unknown(parts) == parts[2:]


def test_a_print_that_is_no_number_is_not_taken_for_one_that_was_answered() -> None:
    bad = a_print(20, quantity=float("nan"))

    assert Early([], [a_print(20)], []).unknown([bad]) == [bad]


def test_the_stream_says_nothing_any_more_of_what_is_long_past() -> None:
    early = Early([], [a_print(1), a_print(1 + LAG_MS)], [])

    assert early.unknown([a_print(1)]) == [a_print(1)]
    assert not early.is_over(1 + 2 * LAG_MS)
    assert early.is_over(2 + 2 * LAG_MS)


@given(st.lists(prints, max_size=12), st.lists(prints, max_size=12), st.lists(prints, max_size=12), st.integers(0, 12))
def test_however_far_the_stream_is_behind_the_answer_each_print_is_passed_on_once(
    before: list[Print], silent: list[Print], after: list[Print], late: int
) -> None:
    """The venue knows everything; the stream has said only some of `after` when the answer comes, and then the rest."""
    after = [one._replace(ms=one.ms + 10) for one in after]
    live, rest = after[:late], after[late:]
    asked = [*before, *silent, *after]

    new = [*joined(before, asked, live), *Early(before, asked, live).unknown(rest)]

    assert Counter(new) == Counter([*silent, *after])


@given(st.lists(st.integers(1, 50), min_size=1))
def test_every_print_has_a_time_of_its_own(times: list[int]) -> None:
    stamps = Stamps()
    given_out = [stamps.next(ms) for ms in times]

    assert given_out == sorted(set(given_out))
    assert given_out[0] == times[0] * 1000
