"""What every store of dead letters does."""

import pytest

from tests.contracts.stores import StoreUnderTest
from tests.fixtures.memory.builders import a_letter


class LettersContract:
    """Subclasses give the fixture `store`."""

    def test_a_letter_is_kept_once_whoever_brings_it(self, store: StoreUnderTest) -> None:
        assert store.letters.keep(a_letter())
        assert not store.letters.keep(a_letter(error="another"))
        assert store.letters.keep(a_letter("task-2"))

    def test_failures_of_one_kind_of_what_repeats_are_one_letter(self, store: StoreUnderTest) -> None:
        assert store.letters.keep(a_letter("beat-1", repeats=True))
        assert not store.letters.keep(a_letter("beat-2", repeats=True))

        assert store.letters.keep(a_letter("beat-3", repeats=True, kind="KeyError"))
        assert store.letters.keep(a_letter("beat-4", repeats=True, args="[1]"))
        assert store.letters.keep(a_letter("beat-5", repeats=True, kwargs='{"full": true}'))

    @pytest.mark.parametrize("kind", ["WorkerLostError", "TimeLimitExceeded"])
    def test_what_crashed_often_enough_is_told_by_step_and_key(self, store: StoreUnderTest, kind: str) -> None:
        for number in range(3):
            store.letters.keep(a_letter(f"place-{number}", kind=kind))
            store.letters.keep(a_letter(f"other-{number}"))
        for number in range(2):
            store.letters.keep(a_letter(f"settle-{number}", name="tasks.orders.settle", kind=kind))

        assert store.letters.crashing(3) == {("place", "O-1")}
        assert store.letters.crashing(2) == {("place", "O-1"), ("settle", "O-1")}

    def test_a_crash_of_a_task_without_a_key_is_nobodys(self, store: StoreUnderTest) -> None:
        store.letters.keep(a_letter(kind="WorkerLostError", about=""))

        assert store.letters.crashing(1) == set()
