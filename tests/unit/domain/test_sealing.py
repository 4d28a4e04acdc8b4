"""The chain of hashes: what it covers, and which row is named when something was changed."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from app.domain.sealing import (
    BEGINNING,
    GENESIS,
    Break,
    Entry,
    Head,
    Link,
    canonical,
    first_break,
    noted_head,
    plain,
    seal,
    sealed,
)

EVENT = Entry(7, "order.open", "orders", '{"price": "0.10", "attempt": 1}', "1732104000000001")
OTHER = "f" * 64
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def entry(number: int, **changes: Any) -> Entry:
    return replace(EVENT, id=number * 10, **changes)


def chain(count: int = 6) -> list[Link]:
    """Sealed rows: sequence 1 is the row 10, sequence 2 the row 20 and so on."""
    return sealed(BEGINNING, [entry(number) for number in range(1, count + 1)])


def found(links: list[Link], head: Head | None = None, **given_: Any) -> tuple[str, int, int | None] | None:
    """What the look at a chain of six finds: the kind, the sequence and the row."""
    broken = first_break(links, head or chain()[-1].head, **given_)
    return None if broken is None else (broken.kind, broken.sequence, broken.id)


def test_the_canonical_form_is_what_the_page_says() -> None:
    assert canonical(3, EVENT) == ('[3,7,"order.open","orders",{"attempt":1,"price":"0.10"},1732104000000001]')


def test_the_hash_is_of_the_previous_one_and_the_canonical_form() -> None:
    wanted = hashlib.sha256((GENESIS + canonical(3, EVENT)).encode()).hexdigest()

    assert seal(GENESIS, 3, EVENT) == wanted
    assert seal(GENESIS, 1, EVENT) == "fd95976d07edd10d5dac6c3cbb43617b800d0d15b632346d0582e6b32e92f3e5"  # by sha256sum


def test_spaces_and_the_order_of_names_are_not_what_a_row_says() -> None:
    again = replace(EVENT, data='{"attempt":1,"price":"0.10"}')

    assert seal(GENESIS, 1, again) == seal(GENESIS, 1, EVENT)


@pytest.mark.parametrize(
    "changed",
    [
        replace(EVENT, id=8),
        replace(EVENT, event_type="order.filled"),
        replace(EVENT, service="order"),
        replace(EVENT, data='{"price": "0.1", "attempt": 1}'),
        replace(EVENT, data='{"price": "0.10", "attempt": "1"}'),
        replace(EVENT, data='{"price": "0.10", "attempt": 1.0}'),
        replace(EVENT, data='{"price": "0.10", "attempt": true}'),
        replace(EVENT, data='{"price": "0.10"}'),
        replace(EVENT, time_us="1732104000000002"),
    ],
    ids=str,
)
def test_whatever_changes_in_a_row_changes_its_hash(changed: Entry) -> None:
    assert seal(GENESIS, 1, changed) != seal(GENESIS, 1, EVENT)


def test_the_place_and_the_row_before_are_in_the_hash() -> None:
    assert len({seal(GENESIS, 1, EVENT), seal(GENESIS, 2, EVENT), seal(OTHER, 1, EVENT)}) == 3


@pytest.mark.parametrize("data", ["", "{", "nonsense", '{"a": 1, "a": 2}', "[" * 100_000, "9" * 5_000])
def test_data_that_the_farm_cannot_have_written_is_not_sealed(data: str) -> None:
    with pytest.raises(ValueError, match=r"^row 7 of audits was changed: .* Put it right"):
        sealed(BEGINNING, [replace(EVENT, data=data)])


@pytest.mark.parametrize("time_us", ["", "yesterday", "1.0", " 1", "1_0", "+1", "Infinity"])
def test_a_time_that_the_farm_cannot_have_written_is_not_sealed(time_us: str) -> None:
    with pytest.raises(ValueError, match="row 7 of audits was changed"):
        sealed(BEGINNING, [replace(EVENT, time_us=time_us)])


@settings(max_examples=50)
@given(data=some.dictionaries(some.text(max_size=5), JSON, max_size=3))
def test_what_an_audit_holds_comes_back_from_text_the_same(data: dict[str, Any]) -> None:
    held = plain(data)

    assert json.loads(json.dumps(held, allow_nan=False)) == held


def test_figures_with_a_point_become_text_however_deep_they_are() -> None:
    given_ = {"a": 0.1, "b": [1e22, (Decimal("1E+3"), -0.0)], "c": {"d": float("nan")}, "e": [1, True, None, "x"]}

    assert plain(given_) == {
        "a": "0.1",
        "b": ["1e+22", ["1000", "-0.0"]],
        "c": {"d": "nan"},
        "e": [1, True, None, "x"],
    }


def test_rows_are_sealed_one_behind_the_other() -> None:
    links = sealed(Head(4, OTHER), [entry(1), entry(2)])

    assert [one.sequence for one in links] == [5, 6]
    assert links[0].hash == seal(OTHER, 5, entry(1))
    assert links[1].hash == seal(links[0].hash, 6, entry(2))


def test_a_chain_in_two_pieces_is_the_chain_in_one() -> None:
    first = sealed(BEGINNING, [entry(1), entry(2)])

    assert first + sealed(first[-1].head, [entry(3)]) == chain(3)


@pytest.mark.parametrize("count", [0, 1, 6])
def test_a_chain_that_nobody_touched_is_intact(count: int) -> None:
    links = chain(count)

    assert first_break(links, links[-1].head if links else BEGINNING) is None


def test_a_chain_may_be_looked_at_from_a_row_on() -> None:
    links = chain()

    assert found(links[3:], after=links[2].head) is None
    assert found(links[3:], after=Head(3, OTHER)) == ("altered", 4, 40)


def altered(links: list[Link]) -> None:
    links[2] = replace(links[2], entry=entry(3, data="{}"))


def altered_last(links: list[Link]) -> None:
    links[5] = replace(links[5], entry=entry(6, data="{}"))


def unreadable(links: list[Link]) -> None:
    links[2] = replace(links[2], entry=entry(3, data="{"))


def nested(links: list[Link]) -> None:
    links[2] = replace(links[2], entry=entry(3, data="[" * 100_000))


def other_hash(links: list[Link]) -> None:
    links[2] = replace(links[2], hash=OTHER)


def resealed(links: list[Link]) -> None:
    changed = entry(3, data="{}")
    links[2] = Link(3, seal(links[1].hash, 3, changed), changed)


def resealed_last(links: list[Link]) -> None:
    changed = entry(6, data="{}")
    links[5] = Link(6, seal(links[4].hash, 6, changed), changed)


def swapped(links: list[Link]) -> None:
    links[1], links[3] = replace(links[3], sequence=2), replace(links[1], sequence=4)


def deleted(links: list[Link]) -> None:
    del links[2]


def deleted_first(links: list[Link]) -> None:
    del links[0]


def deleted_last(links: list[Link]) -> None:
    del links[5]


def deleted_all(links: list[Link]) -> None:
    links.clear()


def closed_up(links: list[Link]) -> None:
    """Row 3 is taken away, and the others get its place."""
    links[2:] = [replace(one, sequence=one.sequence - 1) for one in links[3:]]


def put_between(links: list[Link]) -> None:
    """A row with a hash that is none is put before row 3, the others make room."""
    links[2:] = [Link(3, OTHER, entry(99)), *(replace(one, sequence=one.sequence + 1) for one in links[2:])]


def put_between_well(links: list[Link]) -> None:
    """As above, with a hash that fits."""
    links[2:] = [
        Link(3, seal(links[1].hash, 3, entry(99)), entry(99)),
        *(replace(one, sequence=one.sequence + 1) for one in links[2:]),
    ]


def put_first(links: list[Link]) -> None:
    links.insert(0, Link(0, OTHER, entry(99)))


def put_twice(links: list[Link]) -> None:
    links.insert(3, Link(3, OTHER, entry(99)))


def put_behind(links: list[Link]) -> None:
    links += sealed(links[-1].head, [entry(99)])


def put_far_behind(links: list[Link]) -> None:
    links.append(Link(1000, OTHER, entry(99)))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (altered, ("altered", 3, 30)),
        (altered_last, ("altered", 6, 60)),
        (unreadable, ("altered", 3, 30)),
        (nested, ("altered", 3, 30)),
        (other_hash, ("altered", 3, 30)),
        (resealed, ("altered", 4, 40)),
        (resealed_last, ("altered", 6, 60)),
        (swapped, ("altered", 2, 40)),
        (deleted, ("missing", 3, None)),
        (deleted_first, ("missing", 1, None)),
        (deleted_last, ("missing", 6, None)),
        (deleted_all, ("missing", 1, None)),
        (closed_up, ("altered", 3, 40)),
        (put_between, ("inserted", 3, 990)),
        (put_between_well, ("inserted", 3, 990)),
        (put_first, ("inserted", 0, 990)),
        (put_twice, ("inserted", 3, 990)),
        (put_behind, ("inserted", 7, 990)),
        (put_far_behind, ("inserted", 1000, 990)),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_the_first_row_that_does_not_fit_is_named(
    change: Callable[[list[Link]], None], named: tuple[str, int, int | None]
) -> None:
    links = chain()
    change(links)

    assert found(links) == named


def test_the_first_of_several_is_named() -> None:
    links = chain()
    altered_last(links)
    deleted(links)
    altered(links)

    assert found(links) == ("missing", 3, None)


@pytest.mark.parametrize(
    ("head", "named"),
    [
        (Head(6, OTHER), ("altered", 6, 60)),
        (Head(7, OTHER), ("missing", 7, None)),
        (chain()[3].head, ("inserted", 5, 50)),
        (BEGINNING, ("inserted", 1, 10)),
    ],
    ids=["hash", "further", "back", "gone"],
)
def test_a_head_that_was_changed_is_seen(head: Head, named: tuple[str, int, int | None]) -> None:
    assert found(chain(), head) == named


def test_a_head_before_the_rows_that_were_asked_for_is_seen() -> None:
    links = chain()

    assert found([], links[1].head, after=links[3].head) == ("altered", 4, None)


@pytest.mark.parametrize("sequence", [0, 1, 3, 6])
def test_a_noted_head_that_is_in_the_chain_is_well(sequence: int) -> None:
    links = chain()
    noted = links[sequence - 1].head if sequence else BEGINNING

    assert found(links, noted=noted) is None


def test_a_chain_that_was_made_anew_is_seen_by_a_noted_head_alone() -> None:
    anew = sealed(BEGINNING, [entry(1), entry(2, data="{}"), *(one.entry for one in chain()[2:])])

    assert found(anew, anew[-1].head) is None
    assert found(anew, anew[-1].head, noted=chain()[0].head) is None
    for before in chain()[1:]:
        assert found(anew, anew[-1].head, noted=before.head) == ("rewritten", before.sequence, before.entry.id)


def test_a_chain_that_was_cut_with_its_head_is_seen_by_a_noted_head_alone() -> None:
    cut = chain()[:4]

    assert found(cut, cut[-1].head) is None
    assert found(cut, cut[-1].head, noted=chain()[-1].head) == ("missing", 5, None)


def test_a_noted_head_that_is_none_of_this_chain_is_seen_at_its_place() -> None:
    links = chain()

    assert found(links[3:], after=links[2].head, noted=Head(3, OTHER)) == ("rewritten", 3, None)
    assert found([], BEGINNING, noted=Head(0, OTHER)) == ("rewritten", 0, None)
    deleted(links)
    assert found(links, noted=Head(2, OTHER)) == ("rewritten", 2, 20)


def test_a_break_says_what_it_is() -> None:
    links = chain()
    deleted_last(links)

    assert first_break(links, chain()[-1].head) == Break(
        "missing", 6, None, "it is gone: the head says that there are 6"
    )


def test_a_head_is_written_so_that_it_can_be_read_again() -> None:
    head = chain()[-1].head

    assert noted_head(f" {str(head).upper()}\n") == head


@pytest.mark.parametrize("text", ["", "5", "5:abc", f"-1:{OTHER}", f"x:{OTHER}", f"5:{OTHER}0", f"{'9' * 20}:{OTHER}"])
def test_what_is_no_head_is_told_with_the_way_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write SEQUENCE:HASH as `cdb audit head` prints it"):
        noted_head(text)
