"""What ccxt makes of a venue that fails: each fault of the venue's, from both sides of the wire."""

import time
from collections.abc import Iterator
from typing import Any

import ccxt
import pytest

from app.simulator.scenario import Entry, Scenario
from tests.fixtures.venue import ServedVenue, served
from tests.integration.test_venue_ccxt import SYMBOL, client_of
from workers.venue import VenueConfig

ORDER = (SYMBOL, "limit", "buy", 0.01, 50_000)


@pytest.fixture
def mexc(venue: ServedVenue) -> Iterator[Any]:
    client = client_of(venue, timeout=500)
    client.load_markets()
    yield client
    client.session.close()


@pytest.mark.parametrize(
    ("fault", "error", "placed"),
    [
        ({"fault": "create_reply_dropped"}, ccxt.NetworkError, 1),
        ({"fault": "create_reply_delayed", "ms": 900}, ccxt.RequestTimeout, 1),
        ({"fault": "create_lost"}, ccxt.NetworkError, 0),
        ({"fault": "connection_dropped"}, ccxt.NetworkError, 0),
        ({"fault": "internal_error", "after": True}, ccxt.ExchangeError, 1),
        ({"fault": "internal_error"}, ccxt.ExchangeError, 0),
        ({"fault": "gateway_timeout", "after": True}, ccxt.RequestTimeout, 1),
        ({"fault": "unavailable_html"}, ccxt.ExchangeNotAvailable, 0),
        ({"fault": "forbidden_html"}, ccxt.ExchangeNotAvailable, 0),
        ({"fault": "rate_limited", "retry_after_s": 2}, ccxt.RateLimitExceeded, 0),
        ({"fault": "clock_skew", "ms": 10_000}, ccxt.InvalidNonce, 0),
        ({"fault": "clock_skew", "ms": -10_000}, ccxt.InvalidNonce, 0),
        ({"fault": "symbol_suspended", "symbol": "BTCUSDT"}, ccxt.ExchangeError, 0),
        ({"fault": "no_api_trading", "symbol": "BTCUSDT"}, ccxt.BadSymbol, 0),
        ({"fault": "order_refused", "code": 30001, "msg": "not this way"}, ccxt.InvalidOrder, 0),
    ],
    ids=str,
)
def test_a_create_that_fails_is_told_apart_by_what_the_venue_did(
    mexc: Any, venue: ServedVenue, fault: dict[str, Any], error: type[Exception], placed: int
) -> None:
    venue.fail(**{"times": 5, **fault})
    with pytest.raises(error):
        mexc.create_order(*ORDER)
    venue.heal()

    assert venue.status()["orders"] == placed
    assert len(mexc.fetch_open_orders(SYMBOL)) == placed


def test_a_late_create_is_judged_by_the_time_it_was_signed_with(mexc: Any, venue: ServedVenue) -> None:
    mexc.options["recvWindow"] = 200
    mexc.timeout = 3000
    venue.fail("create_delayed", ms=400, times=1)
    with pytest.raises(ccxt.InvalidNonce, match="700003"):
        mexc.create_order(*ORDER)


def test_an_order_is_not_visible_within_the_read_lag(mexc: Any, venue: ServedVenue) -> None:
    venue.fail("read_lag", ms=300)
    placed = mexc.create_order(*ORDER)
    with pytest.raises(ccxt.ExchangeError, match="-2013"):
        mexc.fetch_order(placed["id"], SYMBOL)
    assert mexc.fetch_open_orders(SYMBOL) == []
    time.sleep(0.35)
    assert mexc.fetch_order(placed["id"], SYMBOL)["status"] == "open"


def test_connections_are_refused_for_a_while(mexc: Any, venue: ServedVenue) -> None:
    venue.fail("connections_refused", for_s=0.5)
    with pytest.raises(ccxt.NetworkError):
        mexc.fetch_time()
    time.sleep(0.7)
    assert mexc.fetch_time() > 0


def test_only_a_part_is_filled_where_the_fault_says_so(mexc: Any, venue: ServedVenue) -> None:
    venue.tick(SYMBOL, "60000")
    venue.fail("partial_fills", share="0.25", times=1)
    placed = mexc.create_order(SYMBOL, "limit", "buy", 0.01, 60_010)
    found = mexc.fetch_order(placed["id"], SYMBOL)
    assert (found["status"], found["filled"]) == ("open", 0.0025)

    venue.fail("no_fills", times=1)
    request = {"symbol": "BTCUSDT", "side": "BUY", "type": "IMMEDIATE_OR_CANCEL", "quantity": "0.01", "price": "60010"}
    nothing = mexc.spotPrivatePostOrder(request)
    assert mexc.fetch_order(nothing["orderId"], SYMBOL)["status"] == "canceled"


def test_an_ioc_may_be_booked_as_a_plain_limit_order(mexc: Any, venue: ServedVenue) -> None:
    venue.fail("ioc_as_gtc")
    request = {"symbol": "BTCUSDT", "side": "BUY", "type": "IMMEDIATE_OR_CANCEL", "quantity": "0.01", "price": "50000"}
    mexc.spotPrivatePostOrder(request)
    (order,) = mexc.fetch_open_orders(SYMBOL)
    assert order["info"]["type"] == "LIMIT"


def test_a_cancel_may_be_told_as_done_of_an_order_that_was_filled(mexc: Any, venue: ServedVenue) -> None:
    placed = mexc.create_order(*ORDER)
    venue.fail("cancel_meets_fill", times=1)
    assert mexc.cancel_order(placed["id"], SYMBOL)["status"] == "canceled"
    found = mexc.fetch_order(placed["id"], SYMBOL)
    assert (found["status"], found["filled"]) == ("closed", 0.01)


def test_an_order_may_be_shown_as_it_was_taken(mexc: Any, venue: ServedVenue) -> None:
    venue.tick(SYMBOL, "60000")
    placed = mexc.create_order(SYMBOL, "limit", "buy", 0.01, 60_010)
    venue.fail("stale_orders", times=1)
    assert [mexc.fetch_order(placed["id"], SYMBOL)["status"] for _ in range(2)] == ["open", "closed"]


def test_klines_may_end_in_the_past(mexc: Any, venue: ServedVenue) -> None:
    venue.tick(SYMBOL, "60000")
    assert len(mexc.fetch_ohlcv(SYMBOL, "1m")) == 1
    venue.fail("stale_klines", ms=120_000)
    assert mexc.fetch_ohlcv(SYMBOL, "1m") == []


def test_a_scenarios_faults_strike_at_their_time_and_after_their_order() -> None:
    first = Entry({"fault": "stale_orders", "times": 5}, after_orders=1)
    second = Entry({"fault": "rate_limited", "times": 5}, at_s=0.3)
    config = VenueConfig(
        market="idle", symbols=(SYMBOL,), weight_limit=0, scenario=Scenario("mine", "", (first, second))
    )
    with served(config) as venue:
        client = client_of(venue)
        assert venue.tell("faults", method="GET") == {"faults": []}
        client.load_markets()
        client.create_order(SYMBOL, "limit", "buy", 0.01, 50_000)
        assert [one["fault"] for one in venue.tell("faults", method="GET")["faults"]] == ["stale_orders"]
        time.sleep(0.4)
        names = [one["fault"] for one in venue.tell("faults", method="GET")["faults"]]
        assert names == ["stale_orders", "rate_limited"]
        client.session.close()


def test_market_orders_may_be_disabled(mexc: Any, venue: ServedVenue) -> None:
    venue.fail("market_orders_disabled", symbol="BTCUSDT")
    with pytest.raises(ccxt.ExchangeError, match="30051"):
        mexc.create_order(SYMBOL, "market", "buy", None, None, {"cost": 100})
    assert "MARKET" not in mexc.load_markets(True)[SYMBOL]["info"]["orderTypes"]


def test_a_fee_in_base_leaves_less_than_was_bought(mexc: Any, venue: ServedVenue) -> None:
    venue.tick(SYMBOL, "60000")
    venue.fail("fee_in_base")
    mexc.create_order(SYMBOL, "limit", "buy", 0.01, 60_010)
    (trade,) = mexc.fetch_my_trades(SYMBOL)
    assert trade["fee"] == {"currency": "BTC", "cost": 0.000005}
    with pytest.raises(ccxt.InsufficientFunds):
        mexc.create_order(SYMBOL, "limit", "sell", 0.01, 60_000)


def test_a_late_answer_still_answers(mexc: Any, venue: ServedVenue) -> None:
    venue.fail("answers_delayed", ms=100, path="/api/v3/time", times=1)
    before = time.monotonic()
    mexc.fetch_time()
    assert time.monotonic() - before >= 0.1
    assert venue.tell("faults", method="GET") == {"faults": []}


@pytest.mark.parametrize(
    ("path", "wanted", "complaint"),
    [
        ("faults", {"fault": "nonsense"}, "there is no fault"),
        ("faults", {"fault": "read_lag", "seconds": 1}, "does not know seconds"),
        ("faults", {"fault": "read_lag", "ms": "soon"}, "must be a number"),
        ("faults", {"faults": "all"}, "send"),
        ("tick", {"symbol": "NOSUCH", "price": 1, "quantity": 1}, "Invalid symbol"),
        ("tick", {"symbol": SYMBOL, "price": -1, "quantity": 1}, "positive"),
        ("tick", {"symbol": SYMBOL, "price": 1, "quantity": "NaN"}, "positive"),
        ("tick", {"symbol": SYMBOL, "price": 1, "quantity": 1, "side": "up"}, "buy or sell"),
        ("play", {}, "always playing"),
        ("pace", {"speed": 0}, "positive"),
        ("pace", {"speed": 1e9}, "above"),
    ],
)
def test_the_simulators_own_paths_explain_what_they_do_not_take(
    venue: ServedVenue, path: str, wanted: dict[str, Any], complaint: str
) -> None:
    import json
    import urllib.error

    with pytest.raises(urllib.error.HTTPError) as refused:
        venue.tell(path, wanted)
    with refused.value as answer:
        assert complaint in json.loads(answer.read())["msg"]
