"""ccxt's MEXC client against the simulated venue, over real sockets."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.venue import ServedVenue, served
from workers.venue import VenueConfig

SYMBOL = "BTC/USDT"


def api_of(venue: ServedVenue) -> dict[str, Any]:
    host = venue.rest_url
    return {
        "spot": {"public": host, "private": host},
        "contract": {"public": f"{host}/api/v1/contract", "private": f"{host}/api/v1/private"},
        "ws": {"spot": venue.ws_url},
    }


def client_of(venue: ServedVenue, **options: Any) -> Any:
    return ccxt.mexc(
        {
            "apiKey": venue.config.api_key,
            "secret": venue.config.api_secret,
            "enableRateLimit": False,
            "timeout": 3000,
            "urls": {"api": api_of(venue)},
            **options,
        }
    )


@pytest.fixture
def mexc(venue: ServedVenue) -> Iterator[Any]:
    client = client_of(venue)
    client.load_markets()
    yield client
    client.session.close()


def test_markets_load_with_their_steps_and_minimums(mexc: Any) -> None:
    market = mexc.market(SYMBOL)

    assert market["active"]
    assert market["precision"] == {"amount": 1e-06, "price": 0.01}
    assert market["limits"]["cost"]["min"] == 1
    assert market["limits"]["amount"]["min"] == 1e-06
    assert mexc.currencies["BTC"]["code"] == "BTC"


def test_the_venue_tells_its_time(mexc: Any) -> None:
    assert abs(mexc.fetch_time() - mexc.milliseconds()) < 1000


def test_a_symbol_that_may_not_be_traded_is_inactive_and_refused() -> None:
    with served(VenueConfig(market="idle", untradable=("ETH/USDT",))) as venue:
        client = client_of(venue)
        client.load_markets()
        assert not client.market("ETH/USDT")["active"]
        with pytest.raises(ccxt.BadSymbol, match="10007"):
            client.create_order("ETH/USDT", "limit", "buy", 1, 100)
        client.session.close()


def test_a_resting_limit_order_is_open_locks_money_and_can_be_cancelled(mexc: Any) -> None:
    placed = mexc.create_order(SYMBOL, "limit", "buy", 0.01, 50_000, {"clientOrderId": "ONE"})
    assert placed["status"] is None
    assert placed["clientOrderId"] is None

    found = mexc.fetch_order(None, SYMBOL, {"clientOrderId": "ONE"})
    assert (found["id"], found["status"], found["filled"]) == (placed["id"], "open", 0)
    assert [order["id"] for order in mexc.fetch_open_orders(SYMBOL)] == [placed["id"]]
    assert mexc.fetch_balance()["USDT"]["used"] == pytest.approx(500.25)

    assert mexc.cancel_order(None, SYMBOL, {"clientOrderId": "ONE"})["status"] == "canceled"
    assert mexc.fetch_open_orders(SYMBOL) == []
    assert mexc.fetch_balance()["USDT"] == {"free": 100_000, "used": 0, "total": 100_000}


def test_a_limit_order_through_the_book_fills_and_pays_its_fee(mexc: Any, venue: ServedVenue) -> None:
    venue.tick(SYMBOL, "60000")
    placed = mexc.create_order(SYMBOL, "limit", "buy", 0.01, 60_100, {"clientOrderId": "TWO"})
    found = mexc.fetch_order(placed["id"], SYMBOL)
    (trade,) = mexc.fetch_my_trades(SYMBOL)

    assert (found["status"], found["filled"], found["average"]) == ("closed", 0.01, 60_000.01)
    assert (trade["order"], trade["side"], trade["amount"]) == (placed["id"], "buy", 0.01)
    assert trade["fee"]["currency"] == "USDT"
    assert trade["fee"]["cost"] == pytest.approx(60_000.01 * 0.01 * 0.0005)
    balance = mexc.fetch_balance()
    assert balance["BTC"]["free"] == 0.01
    assert balance["USDT"]["free"] == pytest.approx(100_000 - 600.0001 * 1.0005)
    assert mexc.fetch_orders(SYMBOL)[0]["id"] == placed["id"]


def test_a_resting_order_fills_when_the_market_trades_through_it(mexc: Any, venue: ServedVenue) -> None:
    venue.tick(SYMBOL, "60000")
    placed = mexc.create_order(SYMBOL, "limit", "buy", 0.01, 59_000)
    venue.tick(SYMBOL, "59000", "0.004", "sell")
    assert mexc.fetch_order(placed["id"], SYMBOL)["filled"] == 0.004
    venue.tick(SYMBOL, "58999.99", "0.001", "sell")

    found = mexc.fetch_order(placed["id"], SYMBOL)
    assert (found["status"], found["filled"], found["average"]) == ("closed", 0.01, 59_000)


def test_a_market_buy_spends_its_budget_and_a_market_sell_gives_its_amount(mexc: Any, venue: ServedVenue) -> None:
    venue.tick(SYMBOL, "60000")
    bought = mexc.create_order(SYMBOL, "market", "buy", None, None, {"cost": 1000})
    held = mexc.fetch_balance()["BTC"]["free"]
    sold = mexc.create_order(SYMBOL, "market", "sell", held)

    assert mexc.fetch_order(bought["id"], SYMBOL)["status"] == "closed"
    assert mexc.fetch_order(sold["id"], SYMBOL)["status"] == "closed"
    assert held == pytest.approx(1000 / 1.0005 / 60_000, rel=1e-3)
    assert "BTC" not in mexc.fetch_balance()["free"]


@pytest.mark.parametrize(
    ("kind", "amount", "price", "status", "filled"),
    [
        ("IMMEDIATE_OR_CANCEL", "0.5", "60000.01", "PARTIALLY_CANCELED", "0.333333"),
        ("IMMEDIATE_OR_CANCEL", "0.01", "59000", "CANCELED", "0"),
        ("FILL_OR_KILL", "0.5", "60000.01", "CANCELED", "0"),
        ("FILL_OR_KILL", "0.2", "60000.01", "FILLED", "0.2"),
        ("LIMIT_MAKER", "0.01", "60000.01", "CANCELED", "0"),
        ("LIMIT_MAKER", "0.01", "59999.99", "NEW", "0"),
    ],
)
def test_every_order_type_keeps_its_promise(
    mexc: Any, venue: ServedVenue, kind: str, amount: str, price: str, status: str, filled: str
) -> None:
    venue.tick(SYMBOL, "60000")
    request = {"symbol": "BTCUSDT", "side": "BUY", "type": kind, "quantity": amount, "price": price}
    placed = mexc.spotPrivatePostOrder(request)
    found = mexc.spotPrivateGetOrder({"symbol": "BTCUSDT", "orderId": placed["orderId"]})

    assert (found["status"], Decimal(found["executedQty"])) == (status, Decimal(filled).quantize(Decimal("0.000001")))


def test_a_client_order_id_is_taken_once(mexc: Any) -> None:
    order = (SYMBOL, "limit", "buy", 0.01, 50_000, {"clientOrderId": "SAME"})
    mexc.create_order(*order)
    with pytest.raises(ccxt.ExchangeError, match="-2010"):
        mexc.create_order(*order)
    assert len(mexc.fetch_open_orders(SYMBOL)) == 1


def test_a_client_order_id_may_be_taken_twice_where_the_venue_does_so() -> None:
    with served(VenueConfig(market="idle", takes_duplicates=True)) as venue:
        client = client_of(venue)
        order = (SYMBOL, "limit", "buy", 0.01, 50_000, {"clientOrderId": "SAME"})
        first, second = client.create_order(*order), client.create_order(*order)
        assert first["id"] != second["id"]
        assert client.fetch_order(None, SYMBOL, {"clientOrderId": "SAME"})["id"] == second["id"]
        client.session.close()


REFUSALS: list[tuple[dict[str, str], type[Exception], str]] = [
    ({"symbol": "NOSUCHUSDT"}, ccxt.BadSymbol, "-1121"),
    ({"quantity": "0.00001", "price": "50000"}, ccxt.InvalidOrder, "30002"),
    ({"quantity": "100", "price": "50000"}, ccxt.InvalidOrder, "30003"),
    ({"quantity": "10"}, ccxt.InsufficientFunds, "30004"),
    ({"side": "SELL"}, ccxt.InsufficientFunds, "30004"),
    ({"quantity": "0"}, ccxt.InvalidOrder, "10102"),
    ({"quantity": "0.0100001"}, ccxt.InvalidOrder, "10096"),
    ({"price": "50000.001"}, ccxt.InvalidOrder, "10096"),
    ({"type": "STOP_LIMIT"}, ccxt.InvalidOrder, "30041"),
    ({"price": ""}, ccxt.BadRequest, "700004"),
    ({"quantity": "lots"}, ccxt.BadRequest, "700004"),
    ({"side": "HOLD"}, ccxt.BadRequest, "700004"),
    ({"newClientOrderId": "x" * 33}, ccxt.BadRequest, "700008"),
]


@pytest.mark.parametrize(("wrong", "error", "code"), REFUSALS, ids=[code for _, _, code in REFUSALS])
def test_an_order_that_breaks_a_rule_is_refused_with_mexcs_code(
    mexc: Any, venue: ServedVenue, wrong: dict[str, str], error: type[Exception], code: str
) -> None:
    good = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": "50000"}
    with pytest.raises(error, match=code):
        mexc.spotPrivatePostOrder({**good, **wrong})
    assert venue.status()["orders"] == 0


def test_a_trial_checks_an_order_and_places_none(mexc: Any, venue: ServedVenue) -> None:
    good = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": "50000"}
    assert mexc.spotPrivatePostOrderTest(good) == {}
    assert venue.status()["orders"] == 0


def test_asking_for_or_cancelling_what_is_not_there_is_answered_as_mexc_does(mexc: Any) -> None:
    with pytest.raises(ccxt.ExchangeError, match="-2013") as unseen:
        mexc.fetch_order("C02__1", SYMBOL)
    with pytest.raises(ccxt.BadRequest, match="-2011"):
        mexc.cancel_order("C02__1", SYMBOL)
    with pytest.raises(ccxt.BadRequest, match="700004"):
        mexc.spotPrivateGetOrder({"symbol": "BTCUSDT"})
    assert type(unseen.value) is ccxt.ExchangeError


def test_cancel_all_ends_every_order_of_a_symbol(mexc: Any) -> None:
    for price in (50_000, 50_001):
        mexc.create_order(SYMBOL, "limit", "buy", 0.01, price)
    assert len(mexc.cancel_all_orders(SYMBOL)) == 2
    assert mexc.fetch_open_orders(SYMBOL) == []


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"secret": "wrong"}, ccxt.AuthenticationError, "700002"),
        ({"apiKey": "wrong"}, ccxt.BadRequest, "10072"),
        ({"options": {"recvWindow": 60_001}}, ccxt.InvalidNonce, "700005"),
    ],
)
def test_wrong_keys_and_windows_are_refused(
    venue: ServedVenue, change: dict[str, Any], error: type[Exception], code: str
) -> None:
    client = client_of(venue, **change)
    with pytest.raises(error, match=code):
        client.spotPrivateGetAccount()
    client.session.close()


@pytest.mark.parametrize(("ahead_ms", "taken"), [(0, True), (-4000, True), (-5500, False), (1500, False)])
def test_a_request_is_taken_within_its_window_only(venue: ServedVenue, ahead_ms: int, taken: bool) -> None:
    client = client_of(venue)
    client.nonce = lambda: client.milliseconds() + ahead_ms
    if taken:
        assert client.spotPrivateGetAccount()["accountType"] == "SPOT"
    else:
        with pytest.raises(ccxt.InvalidNonce, match="700003"):
            client.spotPrivateGetAccount()
    client.session.close()


def test_too_many_requests_get_a_429_and_those_who_go_on_a_418() -> None:
    with served(VenueConfig(market="idle", weight_limit=20)) as venue:
        client = client_of(venue)
        errors: list[Exception] = []
        for _ in range(60):
            try:
                client.fetch_time()
            except (ccxt.RateLimitExceeded, ccxt.ExchangeError) as error:
                errors.append(error)
        assert len(errors) == 40
        assert isinstance(errors[0], ccxt.RateLimitExceeded)
        assert "418" in str(errors[-1])
        assert "Retry-After" in client.last_response_headers
        client.session.close()


def test_an_unknown_path_is_a_404_with_json(mexc: Any) -> None:
    with pytest.raises(ccxt.ExchangeError, match="404"):
        mexc.spotPublicGetEtfInfo()


def test_the_book_and_the_tickers_follow_the_last_price(mexc: Any, venue: ServedVenue) -> None:
    venue.tick(SYMBOL, "61234.56", "0.5")
    book, ticker, bids_asks = (
        mexc.fetch_order_book(SYMBOL),
        mexc.fetch_ticker(SYMBOL),
        mexc.fetch_bids_asks([SYMBOL, "ETH/USDT"]),
    )

    assert (book["bids"][0][0], book["asks"][0][0]) == (61_234.56, 61_234.57)
    assert len(book["bids"]) == 20
    assert ticker["last"] == 61_234.56
    assert bids_asks[SYMBOL]["ask"] == 61_234.57
    assert mexc.fetch_trades(SYMBOL)[-1]["price"] == 61_234.56


def test_the_smaller_endpoints_answer_as_mexc_does(mexc: Any, venue: ServedVenue) -> None:
    venue.tick(SYMBOL, "61000", "2")
    venue.tick(SYMBOL, "61001", "2")
    one = {"symbol": "BTCUSDT"}
    now = mexc.fetch_time()
    placed = mexc.create_order(SYMBOL, "limit", "buy", 0.01, 50_000)

    assert mexc.spotPublicGetPing() == {}
    assert mexc.spotPublicGetDefaultSymbols()["data"][0] == "BTCUSDT"
    assert mexc.spotPublicGetTickerPrice(one) == {"symbol": "BTCUSDT", "price": "61001"}
    assert len(mexc.spotPublicGetTickerPrice()) == 5
    assert mexc.spotPublicGetTickerBookTicker(one)["askPrice"] == "61001.01"
    assert len(mexc.spotPublicGetTicker24hr()) == 5
    assert Decimal(mexc.spotPublicGetTicker24hr(one)["volume"]) > 4
    assert mexc.spotPublicGetAvgPrice(one) == {"mins": 5, "price": "61000.5"}
    assert mexc.spotPublicGetAvgPrice({"symbol": "ETHUSDT"})["price"] != "0"
    assert [row["p"] for row in mexc.spotPublicGetAggTrades(one)] == ["61000", "61001"]
    paged = mexc.spotPublicGetAggTrades({**one, "startTime": now - 60_000, "endTime": now, "limit": 1})
    assert [row["p"] for row in paged] == ["61000"]
    assert mexc.spotPublicGetExchangeInfo(one)["symbols"][0]["symbol"] == "BTCUSDT"
    assert mexc.spotPrivateGetAllOrders({**one, "endTime": 1}) == []
    assert mexc.spotPrivateGetOpenOrders(one)[0]["orderId"] == placed["id"]


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("spotPublicGetAggTrades", {"symbol": "BTCUSDT", "startTime": 1}, "700004"),
        ("spotPublicGetAggTrades", {"symbol": "BTCUSDT", "endTime": 1}, "700004"),
        ("spotPublicGetAggTrades", {"symbol": "BTCUSDT", "startTime": 1, "endTime": 9_999_999}, "-1127"),
        ("spotPublicGetKlines", {"symbol": "BTCUSDT", "interval": "1s"}, "-1121"),
        ("spotPublicGetKlines", {"interval": "1m"}, "700004"),
        ("spotPrivateDeleteOpenOrders", {"symbol": "A,B,C,D,E,F"}, "700008"),
        ("spotPrivatePostOrder", {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}, "700004"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(mexc: Any, path: str, params: dict[str, Any], code: str) -> None:
    with pytest.raises(ccxt.ExchangeError, match=code):
        getattr(mexc, path)(params)


def test_a_request_without_key_or_time_is_refused(venue: ServedVenue) -> None:
    for headers, code in (({}, 400), ({"X-MEXC-APIKEY": "paper"}, 700004)):
        request = urllib.request.Request(f"{venue.rest_url}/api/v3/account", headers=headers)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=PATIENCE_S)
        with refused.value as answer:
            assert json.loads(answer.read())["code"] == code


@pytest.mark.parametrize("body", [b"no json", b"[]"])
def test_the_simulators_own_paths_want_json_objects(venue: ServedVenue, body: bytes) -> None:
    request = urllib.request.Request(f"{venue.rest_url}/sim/pace", body, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=PATIENCE_S)
    refused.value.close()
    unknown = urllib.request.Request(f"{venue.rest_url}/sim/nothing")
    with pytest.raises(urllib.error.HTTPError, match="404") as missing:
        urllib.request.urlopen(unknown, timeout=PATIENCE_S)
    missing.value.close()
