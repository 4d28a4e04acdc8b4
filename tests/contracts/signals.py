"""What every store of signals does."""

from datetime import timedelta

import pytest

from app.domain.orders import Side
from app.steps.ports import Check, Missing
from tests.contracts.stores import StoreUnderTest
from tests.fixtures.memory.builders import NOON, a_signal, an_exit

OLD = Check("stale_signal", "too old", {"age_s": "31"})


class SignalsContract:
    """Subclasses give the fixture `store`."""

    def test_a_signal_is_read_as_it_was_saved(self, store: StoreUnderTest) -> None:
        signal = a_signal(
            indicators={"rsi": 0.1 + 0.2, "ema": 1e-12},
            window_whole=False,
            bar_fingerprint="abc",
            reason="crossed “up”",
            bar_end=NOON + timedelta(microseconds=1),
            tick_received_us=1_732_104_000_000_001,
        )

        assert store.signals.save(signal) is True
        assert store.signals.get(signal.key) == signal

    def test_an_exit_is_read_as_it_was_saved(self, store: StoreUnderTest) -> None:
        signal = an_exit(side=Side.SELL, trade_id=7)
        store.signals.save(signal)

        assert store.signals.get(signal.key) == signal

    def test_a_key_is_saved_once_and_the_first_stays(self, store: StoreUnderTest) -> None:
        store.signals.save(a_signal("one"))

        assert store.signals.save(a_signal("one", strength=0.9)) is False
        assert store.signals.get("one") == a_signal("one")

    def test_an_unknown_key_is_missing(self, store: StoreUnderTest) -> None:
        with pytest.raises(Missing):
            store.signals.get("nobody")

    def test_undecided_are_those_of_long_ago_oldest_first(self, store: StoreUnderTest) -> None:
        for age in (1, 3, 2, 0):
            store.signals.save(a_signal(f"age-{age}", found_at=NOON - timedelta(seconds=age)))

        assert store.signals.undecided(NOON, limit=9) == ["age-3", "age-2", "age-1"]
        assert store.signals.undecided(NOON, limit=1) == ["age-3"]

    def test_what_was_decided_stays_decided_however_old_it_is(self, store: StoreUnderTest) -> None:
        store.opened().entry("approved")
        store.signals.save(a_signal("refused"))
        with store.ledger.deciding("refused", {}, NOON) as decision:
            decision.refuse("no")

        assert store.signals.expire("approved", OLD, NOON) is False
        assert store.signals.expire("refused", OLD, NOON) is True
        with pytest.raises(Missing):
            store.signals.expire("nobody", OLD, NOON)

    def test_what_was_decided_is_not_undecided(self, store: StoreUnderTest) -> None:
        store.opened().entry("approved")
        for key in ("refused", "expired"):
            store.signals.save(a_signal(key))
        with store.ledger.deciding("refused", {}, NOON) as decision:
            decision.refuse("no")
        assert store.signals.expire("expired", OLD, NOON) is True
        store.signals.save(a_signal("waiting"))

        assert store.signals.undecided(NOON + timedelta(hours=1), limit=9) == ["waiting"]

    def test_why_a_signal_was_refused_is_known(self, store: StoreUnderTest) -> None:
        store.opened().signals.save(a_signal("old"))
        assert store.signals.refusal("old") is None

        store.signals.expire("old", OLD, NOON)
        store.entry("approved")

        assert store.signals.refusal("old")
        assert store.signals.refusal("approved") is None
        with pytest.raises(Missing):
            store.signals.refusal("nobody")
