"""What every store of the venue's rules does."""

from decimal import Decimal

import pytest

from app.steps.ports import Missing
from tests.contracts.stores import LATER, StoreUnderTest
from tests.fixtures.memory.builders import NOON, an_instrument


class InstrumentsContract:
    """Subclasses give the fixture `store`."""

    def test_an_instrument_is_read_as_it_was_saved(self, store: StoreUnderTest) -> None:
        odd = an_instrument(
            "PEPE/USDT",
            tradable=False,
            price_step=Decimal("1E-12"),
            amount_step=Decimal(1000),
            max_notional=Decimal("2000000.5"),
            market_orders=False,
        )
        store.instruments.save([odd, an_instrument()], {}, NOON)

        assert store.instruments.get("PEPE/USDT") == odd
        assert sorted(store.instruments.all(), key=lambda one: one.symbol) == [an_instrument(), odd]

    def test_a_snapshot_replaces_the_one_before(self, store: StoreUnderTest) -> None:
        store.instruments.save([an_instrument(), an_instrument("ETH/USDT")], {}, NOON)
        store.instruments.save([an_instrument(tradable=False)], {}, LATER)

        assert store.instruments.all() == [an_instrument(tradable=False)]
        with pytest.raises(Missing):
            store.instruments.get("ETH/USDT")

    def test_what_was_traded_keeps_its_rules_when_it_is_listed_no_more(self, store: StoreUnderTest) -> None:
        record = {"id": "BTCUSDT"}
        store.instruments.save([an_instrument(), an_instrument("ETH/USDT")], {"BTC/USDT": record}, NOON)
        store.opened().holding()

        store.instruments.save([an_instrument("SOL/USDT")], {"SOL/USDT": record}, LATER)

        assert store.instruments.get("BTC/USDT") == an_instrument(tradable=False)
        assert {one.symbol for one in store.instruments.all()} == {"BTC/USDT", "SOL/USDT"}
        assert store.instruments.markets() == {"SOL/USDT": record}
        store.instruments.save([an_instrument()], {}, LATER)
        assert store.instruments.all() == [an_instrument()]

    def test_a_restriction_holds_for_its_symbol_until_the_next_snapshot(self, store: StoreUnderTest) -> None:
        eth = an_instrument("ETH/USDT")
        store.instruments.save([an_instrument(), eth], {}, NOON)
        store.instruments.restrict("BTC/USDT", "market_orders", "30051", LATER)
        store.instruments.restrict("BTC/USDT", "tradable", "30000", LATER)
        store.instruments.restrict("LOST/USDT", "tradable", "30000", LATER)

        assert store.instruments.get("BTC/USDT") == an_instrument(market_orders=False, tradable=False)
        assert store.instruments.get("ETH/USDT") == eth
        store.instruments.save([an_instrument()], {}, LATER)
        assert store.instruments.get("BTC/USDT") == an_instrument()

    def test_the_venues_own_records_come_back(self, store: StoreUnderTest) -> None:
        record = {"id": "BTCUSDT", "limits": {"amount": {"min": 0.001, "max": None}}, "active": True}
        store.instruments.save([an_instrument()], {"BTC/USDT": record}, NOON)

        assert store.instruments.markets() == {"BTC/USDT": record}
