"""What every record of audits does."""

from collections.abc import Callable

from tests.contracts.stores import StoreUnderTest
from tests.fixtures.memory.builders import NOON


class AuditsContract:
    """Subclasses give the fixture `store` and what was `written`, as (event, data)."""

    def test_events_are_kept_in_their_order(
        self, store: StoreUnderTest, written: Callable[[], list[tuple[str, dict[str, object]]]]
    ) -> None:
        store.audits.write("farm.started", "farm", {"mode": "paper", "shards": 2}, NOON)
        store.audits.write("farm.stopped", "farm", {}, NOON)

        assert written() == [("farm.started", {"mode": "paper", "shards": 2}), ("farm.stopped", {})]
