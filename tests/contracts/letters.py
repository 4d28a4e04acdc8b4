"""What every store of dead letters does."""

from datetime import datetime, timedelta

import pytest

from app.domain.errors import Missing
from app.domain.letters import KeptLetter, LetterState
from tests.contracts.stores import StoreUnderTest
from tests.fixtures.memory.builders import NOON, a_letter


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

    def test_a_letter_is_known_by_its_number_and_by_its_task(self, store: StoreUnderTest) -> None:
        store.letters.keep(a_letter())

        kept = store.letters.get("task-1")

        assert (kept.state, kept.times, kept.reruns, kept.deadline, kept.note) == (S.WAITING, 1, 0, None, "")
        assert store.letters.get(str(kept.number)) == kept
        with pytest.raises(Missing):
            store.letters.get("nobody")

    def test_a_claim_is_for_whoever_comes_first(self, store: StoreUnderTest) -> None:
        number = kept(store).number

        first, second = claimed(store, number), claimed(store, number)

        assert first is not None
        assert second is None
        assert (first.state, first.reruns, first.deadline, first.note) == (S.RERUNNING, 1, DEADLINE, "fixed (ann)")
        assert store.letters.get("task-1") == first

    def test_a_claim_is_of_what_was_seen(self, store: StoreUnderTest) -> None:
        number = kept(store).number

        assert claimed(store, number, times=2) is None
        assert claimed(store, number + 1) is None

    def test_a_re_run_that_succeeds_is_done_once(self, store: StoreUnderTest) -> None:
        claimed(store, kept(store).number)

        assert store.letters.finish("task-1", 1, "it returned 7", NOON)
        assert not store.letters.finish("task-1", 1, "it returned 8", NOON)

        done = store.letters.get("task-1")
        assert (done.state, done.deadline, done.note) == (S.DONE, None, "it returned 7")
        assert claimed(store, done.number) is None

    def test_a_run_that_never_was_ends_nothing(self, store: StoreUnderTest) -> None:
        kept(store)

        assert not store.letters.finish("task-1", 1, "it returned 7", NOON)
        assert not store.letters.finish("nobody", 1, "it returned 7", NOON)

    def test_a_re_run_that_fails_is_counted_once_and_waits_with_its_own_words(self, store: StoreUnderTest) -> None:
        claimed(store, kept(store).number)
        failed = a_letter(kind="KeyError", error="another", at=LATER, run=1)

        assert not store.letters.keep(failed)
        assert not store.letters.keep(failed)

        again = store.letters.get("task-1")
        assert (again.state, again.times, again.last_at, again.deadline) == (S.FAILED_AGAIN, 2, LATER, None)
        assert (again.letter.kind, again.letter.error, again.letter.at) == ("KeyError", "another", NOON)
        assert claimed(store, again.number, times=2) is not None

    def test_a_failure_that_is_told_late_of_the_first_time_ends_no_re_run(self, store: StoreUnderTest) -> None:
        claimed(store, kept(store).number)

        store.letters.keep(a_letter())

        assert store.letters.get("task-1").state is S.RERUNNING

    def test_a_failure_of_an_older_run_counts_and_leaves_the_newer_one_alone(self, store: StoreUnderTest) -> None:
        number = kept(store).number
        claimed(store, number)
        store.letters.put_back(number, 1, "nothing was heard", NOON)
        claimed(store, number)

        store.letters.keep(a_letter(run=1))

        assert (store.letters.get("task-1").state, store.letters.get("task-1").times) == (S.RERUNNING, 2)

    def test_what_is_put_back_waits_again(self, store: StoreUnderTest) -> None:
        number = kept(store).number
        claimed(store, number)

        assert not store.letters.put_back(number, 2, "nothing was heard", NOON)
        assert store.letters.put_back(number, 1, "nothing was heard", NOON)
        assert not store.letters.put_back(number, 1, "nothing was heard", NOON)

        back = store.letters.get("task-1")
        assert (back.state, back.deadline, back.note) == (S.WAITING, None, "nothing was heard")

    def test_a_run_that_was_given_up_may_still_fail_or_succeed(self, store: StoreUnderTest) -> None:
        number = kept(store).number
        claimed(store, number)
        store.letters.put_back(number, 1, "nothing was heard", NOON)
        store.letters.keep(a_letter(run=1))
        assert store.letters.get("task-1").state is S.FAILED_AGAIN

        assert store.letters.finish("task-1", 1, "it returned 7", NOON)

    def test_only_those_whose_deadline_is_over_are_overdue(self, store: StoreUnderTest) -> None:
        for number in range(3):
            claimed(store, kept(store, f"task-{number}").number, deadline=NOON + timedelta(minutes=number))
        store.letters.finish("task-0", 1, "done", NOON)

        assert [one.letter.task_id for one in store.letters.overdue(DEADLINE, 9)] == ["task-1"]
        assert len(store.letters.overdue(LATER, 1)) == 1

    def test_what_is_discarded_waits_no_more_and_crashes_no_more(self, store: StoreUnderTest) -> None:
        number = kept(store, kind="WorkerLostError").number

        assert not store.letters.discard(number, 2, reason="old", by="ann", at=NOON)
        assert store.letters.discard(number, 1, reason="old", by="ann", at=NOON)
        assert not store.letters.discard(number, 1, reason="old", by="ann", at=NOON)

        assert (store.letters.get("task-1").state, store.letters.get("task-1").note) == (S.DISCARDED, "old (ann)")
        assert store.letters.crashing(1) == set()
        assert claimed(store, number) is None
        assert not store.letters.keep(a_letter(run=1))

    def test_what_comes_again_by_itself_waits_again_after_it_was_discarded(self, store: StoreUnderTest) -> None:
        number = kept(store, repeats=True).number
        store.letters.discard(number, 1, reason="seen", by="ann", at=NOON)

        store.letters.keep(a_letter(repeats=True, at=LATER))

        again = store.letters.get(str(number))
        assert (again.state, again.times, again.last_at) == (S.WAITING, 2, LATER)


S = LetterState
DEADLINE, LATER = NOON + timedelta(minutes=1), NOON + timedelta(minutes=5)


def kept(store: StoreUnderTest, task_id: str = "task-1", **changes: object) -> KeptLetter:
    letter = a_letter(task_id, **changes)
    store.letters.keep(letter)
    return store.letters.get(task_id)


def claimed(store: StoreUnderTest, number: int, times: int = 1, deadline: datetime = DEADLINE) -> KeptLetter | None:
    return store.letters.claim(number, times, reason="fixed", by="ann", at=NOON, deadline=deadline)
