"""What remembers which histories are outdated, whichever it is."""

from dataclasses import replace

from app.domain.history import Outdated
from app.steps.ports import OutdatedHistories
from tests.fixtures.memory.builders import NOON

BTC = Outdated("BTC/USDT", "1m", NOON, "it was not told")
HOLE = replace(BTC, past=True)


class OutdatedContract:
    """Subclasses give the fixture `outdated`."""

    def test_what_was_told_is_there_until_it_ends(self, outdated: OutdatedHistories) -> None:
        outdated.tell(HOLE)
        outdated.tell(BTC)
        assert list(outdated.all().items()) == [("BTC/USDT 1m", BTC), ("BTC/USDT 1m past", HOLE)]

        outdated.end("BTC/USDT 1m")
        outdated.end("ETH/USDT 1m")
        assert outdated.all() == {HOLE.name: HOLE}

    def test_the_last_word_holds(self, outdated: OutdatedHistories) -> None:
        outdated.tell(BTC)
        outdated.tell(replace(BTC, reason="it was told too late"))

        assert [one.reason for one in outdated.all().values()] == ["it was told too late"]
