"""What every store of raw ticks does."""

from app.domain.market import Tick
from tests.contracts.stores import StoreUnderTest

FIRST_US = 1_732_104_000_000_001


class TicksContract:
    """Subclasses give the fixture `store`."""

    def test_archiving_twice_is_archiving_once(self, store: StoreUnderTest) -> None:
        ticks = [Tick("BTC/USDT", FIRST_US + n, 100.0 + n, 0.5, "buy") for n in range(3)]

        assert store.ticks.archive(ticks[:2], "mexc") == 2
        assert store.ticks.archive(ticks, "mexc") == 1
        assert store.ticks.archive(ticks, "mexc") == 0

    def test_ticks_of_two_symbols_may_share_their_time(self, store: StoreUnderTest) -> None:
        ticks = [Tick(symbol, FIRST_US, 1.0, 1.0, "sell") for symbol in ("BTC/USDT", "ETH/USDT")]

        assert store.ticks.archive(ticks, "mexc") == 2

    def test_a_tick_that_is_twice_in_a_batch_is_one(self, store: StoreUnderTest) -> None:
        assert store.ticks.archive([Tick("BTC/USDT", FIRST_US, 1.0, 1.0, "buy")] * 2, "mexc") == 1

    def test_archiving_nothing_is_nothing(self, store: StoreUnderTest) -> None:
        assert store.ticks.archive([], "mexc") == 0

    def test_thousands_go_in_at_once(self, store: StoreUnderTest) -> None:
        ticks = [Tick("BTC/USDT", FIRST_US + n, 100.0, 0.5, "buy") for n in range(7_000)]

        assert store.ticks.archive(ticks, "mexc") == 7_000
