"""What every record of audits does."""

from collections.abc import Callable
from decimal import Decimal

from app.domain.sealing import BEGINNING
from tests.contracts.stores import StoreUnderTest
from tests.fixtures.memory.builders import NOON, an_exit

Written = Callable[[], list[tuple[str, dict[str, object]]]]


class AuditsContract:
    """Subclasses give the fixture `store` and what was `written`, as (event, data)."""

    def test_events_are_kept_in_their_order(self, store: StoreUnderTest, written: Written) -> None:
        store.audits.write("farm.started", "farm", {"mode": "paper", "shards": 2}, NOON)
        store.audits.write("farm.stopped", "farm", {}, NOON)

        assert written() == [("farm.started", {"mode": "paper", "shards": 2}), ("farm.stopped", {})]

    def test_figures_with_a_point_are_kept_as_text(self, store: StoreUnderTest, written: Written) -> None:
        data = {"cash": Decimal("0.10"), "marks": [1e22, {"low": -0.0, "high": float("nan")}], "count": 10**20}
        store.audits.write("farm.looked", "farm", data, NOON)

        told = {"cash": "0.10", "marks": ["1e+22", {"low": "-0.0", "high": "nan"}], "count": 10**20}
        assert written() == [("farm.looked", told)]

    def test_before_anything_was_sealed_the_chain_is_at_its_beginning(self, store: StoreUnderTest) -> None:
        store.audits.write("farm.started", "farm", {}, NOON)

        assert store.audits.head() == BEGINNING

    def test_each_row_is_sealed_once(self, store: StoreUnderTest) -> None:
        for number in range(5):
            store.audits.write("farm.counted", "farm", {"number": number}, NOON)

        assert [store.audits.seal(2, NOON) for _ in range(4)] == [2, 2, 1, 0]
        assert store.audits.head().sequence == 5

    def test_the_head_moves_with_each_row_and_with_nothing_else(self, store: StoreUnderTest) -> None:
        heads = [store.audits.head()]
        for _ in range(3):
            store.audits.write("farm.started", "farm", {}, NOON)
            assert store.audits.head() == heads[-1]
            store.audits.seal(10, NOON)
            assert store.audits.seal(10, NOON) == 0
            heads.append(store.audits.head())

        assert [head.sequence for head in heads] == [0, 1, 2, 3]
        assert len({head.hash for head in heads}) == 4

    def test_who_first_wanted_a_trade_left_and_why_is_audited_once(
        self, store: StoreUnderTest, written: Written
    ) -> None:
        trade_id = store.opened().holding().trade_id
        for key in ("first", "second"):
            store.signals.save(an_exit(key, trade_id=trade_id, reason=f"the {key} reason"))
            with store.ledger.deciding(key, {}, NOON) as decision:
                decision.leave()

        told = [data for event, data in written() if event == "trade.leaving"]
        assert [(one["trade_id"], one["leg"], one["reason"]) for one in told] == [
            (trade_id, "stop_loss", "the first reason")
        ]
