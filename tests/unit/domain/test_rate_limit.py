"""Who may ask how much: parts, careful times, and what one process counts for itself."""

from itertools import count

import pytest

from app.domain.rate_limit import UNLIMITED, WINDOW_MS, Budget, Priority, Window


def test_exits_may_use_more_than_entries_and_entries_more_than_data() -> None:
    budget = Budget(100)

    assert [budget.ceiling(one) for one in Priority] == [50, 65, 80, 100]
    assert [budget.ceiling(one, careful=True) for one in Priority] == [12, 16, 20, 25]
    assert sorted(Priority, key=lambda one: one.resume_ms) == list(reversed(Priority))
    assert all(one.patience_s > 0 for one in Priority)


def test_a_budget_of_nothing_is_no_limit() -> None:
    assert Budget(0).ceiling(Priority.DATA) == UNLIMITED
    assert Budget(0).split(4) == Budget(0)


def test_what_is_split_is_never_nothing() -> None:
    assert Budget(100).split(4) == Budget(25)
    assert Budget(2).split(4) == Budget(1)


def test_a_window_tells_when_there_will_be_room() -> None:
    window = Window()

    assert [window.take(4, 10, now) for now in (0, 1000)] == [0, 0]
    assert window.take(4, 10, 2000) == WINDOW_MS - 2000
    assert window.take(8, 10, 2000) == WINDOW_MS - 1000
    assert window.take(4, 10, WINDOW_MS) == 0
    assert window.spent(WINDOW_MS) == 8


def test_a_request_without_weight_always_has_room() -> None:
    window = Window()
    window.take(5, 5, 0)

    assert window.take(0, 1, 1) == 0
    assert window.spent(1) == 5


def test_a_request_that_is_larger_than_its_part_goes_alone() -> None:
    window = Window()

    assert window.take(40, 10, 0) == 0
    assert window.take(1, 10, 1) == WINDOW_MS - 1


@pytest.mark.parametrize("weights", [(1,), (1, 2, 10), (7, 3)])
def test_no_window_ever_holds_more_than_its_ceiling(weights: tuple[int, ...]) -> None:
    window, taken = Window(), list[tuple[int, int]]()
    turn = count()
    for now in range(0, 5 * WINDOW_MS, 37):
        weight = weights[next(turn) % len(weights)]
        if window.take(weight, 50, now) == 0:
            taken.append((now, weight))

    for start, _ in taken:
        assert sum(weight for at, weight in taken if start <= at < start + WINDOW_MS) <= 50
