"""What every store of bars does."""

from dataclasses import replace
from datetime import timedelta

from tests.contracts.stores import StoreUnderTest
from tests.fixtures.memory.builders import NOON, some_bars


class BarsContract:
    """Subclasses give the fixture `store`."""

    def test_a_bar_is_read_as_it_was_saved(self, store: StoreUnderTest) -> None:
        bars = [replace(some_bars(1)[0], open=0.1 + 0.2, volume=1e-9, high=1e9, whole=False)]

        assert store.bars.save(bars) == 1
        assert store.bars.window("BTC/USDT", "1m", NOON, 5) == bars

    def test_saving_twice_is_saving_once(self, store: StoreUnderTest) -> None:
        bars = some_bars(3)

        assert [store.bars.save(bars), store.bars.save(bars)] == [3, 0]
        assert store.bars.window("BTC/USDT", "1m", NOON, 9) == bars

    def test_saving_nothing_is_nothing(self, store: StoreUnderTest) -> None:
        assert store.bars.save([]) == 0

    def test_a_bar_that_is_there_stays(self, store: StoreUnderTest) -> None:
        heard = some_bars(1)[0]
        store.bars.save([heard])

        assert store.bars.save([replace(heard, close=1.0)]) == 0
        assert store.bars.window("BTC/USDT", "1m", NOON, 1) == [heard]

    def test_a_whole_bar_replaces_one_that_is_not(self, store: StoreUnderTest) -> None:
        whole = some_bars(1)[0]
        store.bars.save([replace(whole, volume=1.0, whole=False)])

        assert store.bars.save([whole]) == 1
        assert store.bars.window("BTC/USDT", "1m", NOON, 1) == [whole]

    def test_a_gap_does_not_replace_a_whole_bar(self, store: StoreUnderTest) -> None:
        whole = some_bars(1)[0]
        store.bars.save([whole])

        assert store.bars.save([replace(whole, whole=False)]) == 0
        assert store.bars.window("BTC/USDT", "1m", NOON, 1) == [whole]

    def test_a_window_is_the_last_bars_up_to_an_instant(self, store: StoreUnderTest) -> None:
        bars = some_bars(6)
        store.bars.save(bars[::-1])

        assert store.bars.window("BTC/USDT", "1m", NOON - timedelta(minutes=2), 3) == bars[1:4]

    def test_a_window_holds_one_symbol_and_one_interval(self, store: StoreUnderTest) -> None:
        store.bars.save([*some_bars(2), *some_bars(2, symbol="ETH/USDT"), *some_bars(2, interval="1s")])

        assert store.bars.window("ETH/USDT", "1m", NOON, 9) == some_bars(2, symbol="ETH/USDT")
        assert store.bars.window("SOL/USDT", "1m", NOON, 9) == []

    def test_closes_are_the_names_of_the_bars_that_ended_between_two_instants(self, store: StoreUnderTest) -> None:
        bars, others = some_bars(4), some_bars(2, symbol="ETH/USDT")
        store.bars.save([*bars, *others])

        assert store.bars.closes(NOON - timedelta(minutes=3), NOON - timedelta(minutes=1), limit=9) == [
            bars[1].key,
            bars[2].key,
            others[0].key,
        ]
        assert store.bars.closes(NOON - timedelta(minutes=3), NOON, limit=1) == [bars[1].key]

    def test_who_was_heard_of_late_has_a_bar_that_ended_after_an_instant(self, store: StoreUnderTest) -> None:
        store.bars.save(
            [*some_bars(3), *some_bars(1, symbol="ETH/USDT"), *some_bars(2, symbol="SOL/USDT", interval="1s")]
        )
        newest = {"BTC/USDT": some_bars(3)[-1].end, "ETH/USDT": some_bars(1)[-1].end}
        assert set(newest.values()) == {NOON}

        assert store.bars.heard("1m", NOON - timedelta(seconds=1)) == {"BTC/USDT", "ETH/USDT"}
        assert store.bars.heard("1m", NOON) == set()
        assert store.bars.heard("1s", NOON - timedelta(hours=1)) == {"SOL/USDT"}

    def test_gaps_are_the_bars_that_are_not_whole_newest_first(self, store: StoreUnderTest) -> None:
        holes = [replace(bar, whole=False) for bar in some_bars(4)]
        store.bars.save([*holes, *some_bars(4, symbol="ETH/USDT")])

        assert store.bars.gaps("1m", NOON - timedelta(minutes=2), limit=9) == holes[:0:-1]
        assert store.bars.gaps("1m", NOON - timedelta(minutes=9), limit=2) == holes[:1:-1]
        assert store.bars.gaps("1s", NOON - timedelta(minutes=9), limit=2) == []
