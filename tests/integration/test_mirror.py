"""Paper on a live market: a farm that trades the largest symbols of one venue, and a simulator that mirrors it.

The live venue is another simulator, whose largest symbols are none of ours.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

import pytest

from app import wiring
from app.cli.farm import SIMULATED_ALL, venue_config
from app.domain.market import microseconds
from app.domain.orders import Leg, OrderState, Side
from app.simulator.catalogue import symbols
from app.store import migrate
from tasks import orders, upkeep
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.commands import until
from tests.fixtures.farm import approved, configured
from tests.fixtures.venue import ServedVenue, served
from workers.ports import free_port
from workers.venue import VenueConfig

LISTED = ("ZZTOP/USDT", "QUUX/USDT", "BTC/USDT", "WIBBLE/USDT", "ETH/USDT", "FROBNIK/USDT", "SOL/USDT", "XRP/USDT")
OFF = "NOAPI/USDT"


@pytest.fixture
def live() -> Iterator[ServedVenue]:
    """Where the market is; it prints only what it is told."""
    config = VenueConfig(market="idle", symbols=(OFF, *LISTED), untradable=(OFF,), weight_limit=0)
    with served(config) as one:
        yield one


@pytest.fixture
def settings(live: ServedVenue, farm_settings: dict[str, str]) -> dict[str, str]:
    """Of a farm on paper there, that trades the three largest."""
    return {
        **farm_settings,
        "CDB_EXCHANGE": "mexc",
        "CDB_EXCHANGE_REST_URL": live.rest_url,
        "CDB_EXCHANGE_WS_URL": live.ws_url,
        "CDB_SYMBOLS": "top:3",
        "CDB_VENUE_PORT": str(free_port()),
        "CDB_REQUEST_WEIGHT": "0",
        "CDB_RISK__STALE_MARKET__LIMIT_S": "3600",
    }


@contextmanager
def mirrored() -> Iterator[ServedVenue]:
    """The farm's own simulator, as `cdb venue` starts it."""
    with served(venue_config(wiring.settings()), wiring.limiter(wiring.settings().rest_url)) as mirror:
        yield mirror


@pytest.fixture
def mirror(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedVenue]:
    """Beside a farm that has just begun."""
    with configured(settings, monkeypatch):
        migrate(wiring.database())
        with mirrored() as one:
            begin()
            yield one


def begin() -> None:
    upkeep.refresh_instruments()
    upkeep.begin()


def traded(symbol: str, key: str, **changes: Any) -> OrderState:
    """What became of an order at once."""
    name = approved(key, symbol=symbol, price=100.0, **changes)
    assert name is not None
    orders.place(name)
    orders.settle(name)
    return wiring.orders().get(name).state


def asked(venue: ServedVenue, path: str, symbol: str) -> dict[str, str]:
    """What the venue says of a symbol."""
    with urlopen(f"{venue.rest_url}/api/v3/{path}?symbol={symbol.replace('/', '')}", timeout=PATIENCE_S) as answer:
        found: dict[str, str] = json.load(answer)
        return found


def the_feed_hears(symbol: str, price: int) -> None:
    now_us = microseconds(wiring.now())
    wiring.redis().hset(wiring.keys().prices, symbol, f"{price}|{now_us}|{now_us}")


def the_mirror_hears(mirror: ServedVenue, live: ServedVenue, symbol: str, price: int) -> None:
    """The live market prints until its mirror has subscribed to it, and so does the farm's feed."""

    def heard() -> bool:
        live.tick(symbol, price, 1000)
        return asked(mirror, "ticker/price", symbol)["price"] == str(price)

    until(heard, f"the mirror's hearing of {symbol}", PATIENCE_S)
    the_feed_hears(symbol, price)


def test_each_of_the_largest_symbols_is_traded_and_the_books_agree(live: ServedVenue, mirror: ServedVenue) -> None:
    assert wiring.symbols() == LISTED[:3]
    assert not set(LISTED[:3]) <= set(symbols(SIMULATED_ALL)), "no catalogue of ours would do"
    assert wiring.books().read(wiring.now()).reconciled_at is not None

    for symbol in wiring.symbols():
        the_mirror_hears(mirror, live, symbol, 100)
        assert traded(symbol, symbol) is OrderState.FILLED

    assert mirror.status()["orders"] == 3
    assert upkeep.reconcile(full=True) == 0


def test_what_the_mirror_did_not_follow_is_traded_once_its_market_was_heard(
    live: ServedVenue, mirror: ServedVenue
) -> None:
    another = LISTED[5]
    the_feed_hears(another, 100)

    assert asked(mirror, "ticker/bookTicker", another)["askQty"] == "0"
    assert traded(another, "AT ONCE") is OrderState.CANCELLED, "nobody knows there what it is worth now"

    the_mirror_hears(mirror, live, another, 100)
    assert traded(another, "LATER") is OrderState.FILLED


def test_what_is_held_is_heard_although_it_left_the_largest(
    settings: dict[str, str], live: ServedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with configured(settings, monkeypatch):
        migrate(wiring.database())
        with mirrored() as mirror:
            begin()
            the_mirror_hears(mirror, live, LISTED[2], 100)
            assert traded(LISTED[2], "ENTRY") is OrderState.FILLED
        monkeypatch.setenv("CDB_SYMBOLS", "top:1")
        wiring.settings.cache_clear()
        wiring.universe.cache_clear()
        with mirrored() as mirror:
            begin()
            assert wiring.books().read(wiring.now()).reconciled_at is not None
            assert wiring.symbols() == (LISTED[0], LISTED[2]), "the feed has to hear it: its stop is looked at there"

            the_mirror_hears(mirror, live, LISTED[2], 90)

            leave = {"leg": Leg.STOP_LOSS, "side": Side.SELL, "trade_id": 1}
            assert traded(LISTED[2], "EXIT", **leave) is OrderState.FILLED
            assert upkeep.reconcile(full=True) == 0
