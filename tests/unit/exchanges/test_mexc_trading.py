"""What goes over MEXC's wire for an order, and what each of its answers is taken to mean."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.domain.errors import Denied, RateLimited, Refused, Restricted, Unavailable, Unknown, VenueError
from app.domain.market import microseconds
from app.domain.orders import Order, OrderState, OrderType, Report, Search, Side
from app.domain.rate_limit import Priority
from app.exchanges import families, family
from app.exchanges.mexc import Account, ApiKeys, Client, Trading
from app.exchanges.mexc.errors import ClockOff
from tests.fixtures.canned import Canned, Reply
from tests.fixtures.memory.builders import NOON, an_order

NOON_MS = microseconds(NOON) // 1000
ORDER = "/api/v3/order"
TRADES = "/api/v3/myTrades"
MARKETS = {"BTC/USDT": {"id": "BTCUSDT"}}
SENT = an_order(claimed_at=NOON)


def a_client(url: str, **changes: Any) -> Client:
    wanted = {
        "rest_url": url,
        "now": lambda: NOON,
        "keys": lambda: ApiKeys("key", "secret"),
        "timeout_s": 30.0,
        "throttle": False,
        "markets": lambda: MARKETS,
    }
    return Client(**{**wanted, **changes})


@pytest.fixture
def client(canned: Canned) -> Iterator[Client]:
    made = a_client(canned.url)
    yield made
    made.session.close()


@pytest.fixture
def trading(client: Client) -> Trading:
    return Trading(client)


def a_record(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "orderId": "V1",
        "clientOrderId": "ORDER1",
        "price": "100",
        "origQty": "1",
        "executedQty": "0",
        "status": "NEW",
        "type": "LIMIT",
        "side": "BUY",
        "time": NOON_MS,
        **changes,
    }


def a_deal(number: int = 1, qty: str = "1", **changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": f"deal-{number}",
        "orderId": "V1",
        "price": "99.99",
        "qty": qty,
        "commission": "0.05",
        "commissionAsset": "USDT",
        "time": NOON_MS + number,
        "isBuyer": True,
        **changes,
    }


def refusal(code: int, status: int = 400) -> Reply:
    return Reply({"code": code, "msg": "no"}, status)


def test_an_ioc_order_goes_out_exactly_as_it_was_approved(canned: Canned, trading: Trading) -> None:
    canned.answer(f"POST {ORDER}", Reply({"symbol": "BTCUSDT", "orderId": "V1"}))
    order = an_order(amount=Decimal("0.00000012"), price=Decimal("98765.43"))

    assert trading.submit(order, signed_at=NOON) == "V1"

    [query] = canned.queries(f"POST {ORDER}")
    signature = query.pop("signature")
    assert len(signature) == 64
    assert query == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "IMMEDIATE_OR_CANCEL",
        "newClientOrderId": "ORDER1",
        "quantity": "0.00000012",
        "price": "98765.43",
        "timestamp": str(NOON_MS),
        "recvWindow": "5000",
    }


@pytest.mark.parametrize(
    ("kind", "side", "expected"),
    [
        (OrderType.MARKET, Side.BUY, {"type": "MARKET", "side": "BUY", "quoteOrderQty": "100"}),
        (OrderType.MARKET, Side.SELL, {"type": "MARKET", "side": "SELL", "quantity": "1"}),
        (OrderType.LIMIT, Side.SELL, {"type": "LIMIT", "side": "SELL", "quantity": "1", "price": "100"}),
    ],
)
def test_each_type_says_what_mexc_wants_to_know(
    canned: Canned, trading: Trading, kind: OrderType, side: Side, expected: dict[str, str]
) -> None:
    canned.answer(f"POST {ORDER}", Reply({"orderId": "V1"}))

    trading.submit(an_order(type=kind, side=side), signed_at=NOON)

    [query] = canned.queries(f"POST {ORDER}")
    wording = ("type", "side", "quantity", "quoteOrderQty", "price")
    assert {name: query[name] for name in wording if name in query} == expected


def test_an_order_is_signed_with_its_claims_time_and_questions_with_the_farms(canned: Canned, trading: Trading) -> None:
    canned.answer("GET /api/v3/time", Reply({"serverTime": NOON_MS + 250}))
    canned.answer(f"POST {ORDER}", Reply({"orderId": "V1"}))
    canned.answer(f"GET {ORDER}", Reply(a_record()))
    trading.await_turn(SENT)

    stamp = trading.stamp(NOON - timedelta(seconds=3))
    trading.submit(SENT, signed_at=stamp.signed_at)
    trading.look_up(SENT)

    assert stamp.acceptable_until == NOON + timedelta(seconds=2, milliseconds=250)

    assert canned.queries(f"POST {ORDER}")[0]["timestamp"] == str(NOON_MS - 3000 + 250)
    assert canned.queries(f"GET {ORDER}")[0]["timestamp"] == str(NOON_MS + 250)
    assert len(canned.queries("GET /api/v3/time")) == 1


def test_however_long_the_venue_was_asked_for_its_time_nothing_is_signed_in_its_future(canned: Canned) -> None:
    four = timedelta(seconds=4)
    canned.answer("GET /api/v3/time", Reply({"serverTime": NOON_MS + 4000}))  # read at the very end of four seconds
    canned.answer(f"POST {ORDER}", Reply({"orderId": "V1"}))
    slow = a_client(canned.url, now=lambda: NOON + (four if canned.queries("GET /api/v3/time") else timedelta()))

    Trading(slow).submit(SENT, signed_at=NOON + four)
    slow.session.close()

    assert canned.queries(f"POST {ORDER}")[0]["timestamp"] == str(NOON_MS + 4000)


class Minutes:
    """A clock that goes on when it is told to."""

    at = NOON

    def __call__(self) -> datetime:
        return self.at


def test_f20_the_venues_clock_is_measured_again_and_again_but_never_between_a_claim_and_its_request(
    canned: Canned,
) -> None:
    canned.answer("GET /api/v3/time", Reply({"serverTime": NOON_MS}), Reply({"serverTime": NOON_MS + 70_000}))
    canned.answer(f"GET {ORDER}", Reply(a_record()))
    canned.answer(f"POST {ORDER}", Reply({"orderId": "V1"}))
    now = Minutes()
    client = a_client(canned.url, now=now)
    trading = Trading(client)

    trading.look_up(SENT)
    now.at = NOON + timedelta(seconds=59)
    trading.look_up(SENT)
    assert len(canned.queries("GET /api/v3/time")) == 1
    now.at = NOON + timedelta(seconds=60)
    trading.submit(SENT, signed_at=now.at)
    assert len(canned.queries("GET /api/v3/time")) == 1
    trading.look_up(SENT)

    assert len(canned.queries("GET /api/v3/time")) == 2
    assert canned.queries(f"GET {ORDER}")[-1]["timestamp"] == str(NOON_MS + 70_000)  # ten seconds ahead by now
    client.session.close()


def test_f20_a_venue_that_does_not_tell_its_time_again_leaves_the_last_measurement(canned: Canned) -> None:
    canned.answer("GET /api/v3/time", Reply({"serverTime": NOON_MS + 250}), Reply(drop=True))
    canned.answer(f"GET {ORDER}", Reply(a_record()))
    now = Minutes()
    client = a_client(canned.url, now=now)
    trading = Trading(client)

    trading.look_up(SENT)
    now.at = NOON + timedelta(seconds=60)
    trading.look_up(SENT)
    asked = len(canned.queries("GET /api/v3/time"))
    trading.look_up(SENT)

    assert len(canned.queries("GET /api/v3/time")) == asked  # not at each question until it answers
    assert canned.queries(f"GET {ORDER}")[-1]["timestamp"] == str(NOON_MS + 60_250)
    client.session.close()


ANSWERS = {
    "connection dropped": (Reply(drop=True), Unknown),
    "503 without JSON": (Reply("<html>busy</html>", 503), Unknown),
    "code 500": (refusal(500), Unknown),
    "code 500 with status 500": (refusal(500, 500), Unknown),
    "code 504": (refusal(504), Unknown),
    "code 503": (refusal(503), Unknown),
    "maintenance": (Reply({"code": 500, "message": "Under maintenance, please try again later"}, 400), Unknown),
    "502 HTML": (Reply("<html>bad gateway</html>", 502), Unknown),
    "429": (refusal(429, 429), RateLimited),
    "429 without JSON": (Reply("slow down", 429), RateLimited),
    "418": (Reply("banned", 418), RateLimited),
    "403 HTML": (Reply("<html>forbidden</html>", 403), Unknown),
    "400 without JSON": (Reply("bad", 400), Unknown),
    "700003": (refusal(700003), ClockOff),
    "700005": (refusal(700005), ClockOff),
    "602": (refusal(602), Denied),
    "700001": (refusal(700001), Denied),
    "700002": (refusal(700002), Denied),
    "10072": (refusal(10072), Denied),
    "700006": (refusal(700006), Denied),
    "700013": (refusal(700013), Denied),
    "30004": (refusal(30004), Refused),
    "30005": (refusal(30005), Refused),
    "10101": (refusal(10101), Refused),
    "2005": (refusal(2005), Refused),
    "30002": (refusal(30002), Refused),
    "30003": (refusal(30003), Refused),
    "30029": (refusal(30029), Refused),
    "30041": (refusal(30041), Refused),
    "30087": (refusal(30087), Refused),
    "30051": (refusal(30051), Restricted),
    "10007": (refusal(10007), Restricted),
    "-1121": (refusal(-1121), Restricted),
    "-2010": (refusal(-2010), Unknown),
    "603": (refusal(603), Unknown),
    "a duplicate by its words": (Reply({"code": 30001, "msg": "Duplicate clientOrderId"}, 400), Unknown),
    "a duplicate by others": (Reply({"code": 30002, "msg": "client order id already exists"}, 400), Unknown),
    "a duplicate in Chinese": (Reply({"code": 730002, "msg": "客户自定义订单号重复"}, 400), Unknown),
    "a duplicate that looks like a denial": (Reply({"code": 400, "msg": "newClientOrderId is repeated"}, 400), Unknown),
    "a code that nobody has documented": (refusal(424242), Unknown),
    "an internal error that is documented": (refusal(20002), Unknown),
    "502 with 429 in it": (refusal(429, 502), Unknown),
    "500 with a no in it": (refusal(30004, 500), Unknown),
    "503 with 700003 in it": (refusal(700003, 503), Unknown),
    "500 with a denial in it": (refusal(602, 500), Unknown),
    "503 with 510 in it": (refusal(510, 503), Unknown),
    "301 to another place": (Reply("moved", 301, {"Location": "/api/v3/time"}), Unknown),
    "302 to another place": (Reply("moved", 302, {"Location": "/api/v3/time"}), Unknown),
    "307 to itself": (Reply("moved", 307, {"Location": "/api/v3/order"}), Unknown),
    "308 to where nobody listens": (Reply("moved", 308, {"Location": "http://127.0.0.1:1/api/v3/order"}), Unknown),
    "304 without a body": (Reply("", 304), Unknown),
    "JSON that breaks off": (Reply('{"symbol": "BTCUSDT", "order'), Unknown),
    "a body that breaks off": (Reply('{"orderId": "V1"}', cut=5), Unknown),
    "an empty body": (Reply(""), Unknown),
    "null": (Reply("null"), Unknown),
    "a list": (Reply([{"orderId": "V1"}]), Unknown),
    "a number": (Reply("5"), Unknown),
    "an order of another symbol": (Reply({"symbol": "ETHUSDT", "orderId": "V1"}), Unknown),
    "an order of another name": (Reply({"clientOrderId": "OTHER", "orderId": "V1"}), Unknown),
    "a no with status 200": (refusal(30004, 200), Refused),
    "success without an order": (Reply({"success": True, "code": 0, "data": None}), Unknown),
    "-2011": (refusal(-2011), Unknown),
    "-2013": (refusal(-2013), Unknown),
    "a code of its own with status 200": (refusal(424242, 200), Unknown),
    "no JSON with status 200": (Reply("<html>hello</html>"), Unknown),
    "no order id": (Reply({"symbol": "BTCUSDT"}), Unknown),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_each_answer_to_an_order_is_read_as_what_is_known_of_it(canned: Canned, trading: Trading, name: str) -> None:
    reply, expected = ANSWERS[name]
    canned.answer(f"POST {ORDER}", reply)

    with pytest.raises(VenueError) as answer:
        trading.submit(SENT, signed_at=NOON)

    assert type(answer.value) is expected
    assert len(canned.queries(f"POST {ORDER}")) == 1


def test_each_request_is_logged_without_what_was_signed(canned: Canned, trading: Trading) -> None:
    canned.answer(f"POST {ORDER}", Reply({"symbol": "BTCUSDT", "orderId": "V1"}))
    canned.answer(f"GET {ORDER}", Reply(drop=True))

    with capture_logs() as logs:
        trading.submit(SENT, signed_at=NOON)
        with pytest.raises(VenueError):
            trading.look_up(SENT)

    asked = [one for one in logs if one["event"] == "venue asked" and one["request"] != "GET time"]
    assert [(one["log_level"], one["request"], one["symbol"], one["status"]) for one in asked] == [
        ("info", "POST order", "BTCUSDT", 200),
        ("debug", "GET order", "BTCUSDT", "no answer"),
    ]
    assert {*asked[0]} == {"event", "log_level", "request", "symbol", "status", "took_ms"}


def test_no_answer_in_time_says_nothing(canned: Canned) -> None:
    client = a_client(canned.url, timeout_s=0.5)
    canned.answer(f"POST {ORDER}", Reply(hang=True))

    with pytest.raises(Unknown):
        Trading(client).submit(SENT, signed_at=NOON)

    assert len(canned.queries(f"POST {ORDER}")) == 1
    client.session.close()


def test_a_closed_port_means_that_nothing_was_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    trading = Trading(a_client(url))

    with pytest.raises(Unavailable):
        trading.submit(SENT, signed_at=NOON)


def test_a_port_that_closes_after_the_clock_was_read_means_that_nothing_was_sent(
    canned: Canned, client: Client
) -> None:
    client.synchronise()
    client.urls["api"]["spot"]["private"] = "http://127.0.0.1:1"

    with pytest.raises(Unavailable):
        Trading(client).submit(SENT, signed_at=NOON)


def test_missing_keys_are_denied_with_the_cure(canned: Canned) -> None:
    with pytest.raises(Denied) as denied:
        Trading(a_client(canned.url, keys=lambda: ApiKeys("", ""))).submit(SENT, signed_at=NOON)

    assert "CDB_API_KEY" in denied.value.cure


def test_a_refusal_carries_the_venues_code_and_a_pause_its_length(canned: Canned, trading: Trading) -> None:
    canned.answer(f"POST {ORDER}", refusal(30002), Reply("slow", 429, {"Retry-After": "7"}), refusal(510))

    with pytest.raises(Refused) as refused:
        trading.submit(SENT, signed_at=NOON)
    with pytest.raises(RateLimited) as limited:
        trading.submit(SENT, signed_at=NOON)
    with pytest.raises(RateLimited) as unnamed:
        trading.submit(SENT, signed_at=NOON)

    assert refused.value.code == "30002"
    assert (limited.value.retry_after_s, unnamed.value.retry_after_s) == (7, 1)


def test_a_symbol_that_the_venue_does_not_list_is_refused_before_anything_is_sent(
    canned: Canned, trading: Trading
) -> None:
    with pytest.raises(Refused):
        trading.submit(an_order(symbol="NO/SUCH"), signed_at=NOON)

    assert canned.queries(f"POST {ORDER}") == []


def test_a_wrong_clock_is_measured_again_and_the_question_repeated_once(canned: Canned, trading: Trading) -> None:
    canned.answer(f"GET {ORDER}", refusal(700003), Reply(a_record()))

    assert trading.look_up(SENT) is not None
    assert len(canned.queries("GET /api/v3/time")) == 2


def test_a_clock_that_stays_wrong_is_no_answer(canned: Canned, trading: Trading) -> None:
    canned.answer(f"GET {ORDER}", refusal(700003))

    with pytest.raises(Unavailable):
        trading.look_up(SENT)


@pytest.mark.parametrize("reply", [Reply(drop=True), refusal(500), Reply("<html>busy</html>", 503), Reply("hi")])
def test_f3_a_question_without_an_answer_is_unavailable(canned: Canned, trading: Trading, reply: Reply) -> None:
    canned.answer(f"GET {ORDER}", reply)

    with pytest.raises(Unavailable):
        trading.look_up(SENT)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("NEW", OrderState.OPEN),
        ("CANCELED", OrderState.CANCELLED),
        ("SOMETHING_NEW", OrderState.OPEN),
    ],
)
def test_an_order_without_fills_is_as_the_venue_says(
    canned: Canned, trading: Trading, status: str, expected: OrderState
) -> None:
    canned.answer(f"GET {ORDER}", Reply(a_record(status=status)))

    report = trading.look_up(SENT)

    assert report is not None
    assert (report.exchange_order_id, report.state, report.filled) == ("V1", expected, Decimal(0))
    assert canned.queries(f"GET {ORDER}")[0]["origClientOrderId"] == "ORDER1"


@pytest.mark.parametrize(
    ("status", "filled", "expected"),
    [
        ("FILLED", "1", OrderState.FILLED),
        ("PARTIALLY_CANCELED", "1", OrderState.CANCELLED),
        ("PARTIALLY_FILLED", "1", OrderState.PARTIALLY_FILLED),
        ("FILLED", "2", OrderState.PARTIALLY_FILLED),
    ],
)
def test_an_end_is_believed_when_the_fills_add_up_to_it(
    canned: Canned, trading: Trading, status: str, filled: str, expected: OrderState
) -> None:
    canned.answer(f"GET {ORDER}", Reply(a_record(status=status, executedQty=filled)))
    canned.answer("GET /api/v3/myTrades", Reply([a_deal(2, "0.4"), a_deal(1, "0.6")]))

    report = trading.look_up(SENT)

    assert report is not None
    assert (report.state, report.filled) == (expected, Decimal("1.0"))
    assert [fill.venue_trade_id for fill in report.fills] == ["deal-1", "deal-2"]


@pytest.mark.parametrize(
    ("status", "filled", "booked", "expected"),
    [
        ("FILLED", "1", "1", OrderState.FILLED),
        ("PARTIALLY_CANCELED", "0.4", "0.4", OrderState.CANCELLED),
        ("PARTIALLY_FILLED", "0.4", "1", OrderState.PARTIALLY_FILLED),  # an old answer
    ],
)
def test_fills_that_are_booked_are_not_asked_for_again(
    canned: Canned, trading: Trading, status: str, filled: str, booked: str, expected: OrderState
) -> None:
    canned.answer(f"GET {ORDER}", Reply(a_record(status=status, executedQty=filled)))

    report = trading.look_up(replace(SENT, filled=Decimal(booked)))

    assert report is not None
    assert (report.state, report.filled, report.fills) == (expected, Decimal(filled), ())
    assert canned.queries("GET /api/v3/myTrades") == []


def test_a_fill_that_is_new_brings_all_of_them(canned: Canned, trading: Trading) -> None:
    canned.answer(f"GET {ORDER}", Reply(a_record(status="FILLED", executedQty="1")))
    canned.answer("GET /api/v3/myTrades", Reply([a_deal(2, "0.4"), a_deal(1, "0.6")]))

    report = trading.look_up(replace(SENT, filled=Decimal("0.6")))

    assert report is not None
    assert (report.state, report.filled, len(report.fills)) == (OrderState.FILLED, Decimal(1), 2)


def test_an_end_without_any_of_its_fills_is_not_believed(canned: Canned, trading: Trading) -> None:
    canned.answer(f"GET {ORDER}", Reply(a_record(status="FILLED", executedQty="1")))
    canned.answer("GET /api/v3/myTrades", Reply([]))

    report = trading.look_up(SENT)

    assert report is not None
    assert (report.state, report.filled) == (OrderState.OPEN, Decimal(0))


def test_a_fill_is_read_to_the_last_digit(canned: Canned, trading: Trading) -> None:
    canned.answer(f"GET {ORDER}", Reply(a_record(status="FILLED", executedQty="0.000000000000000001")))
    deal = a_deal(1, "0.000000000000000001", commission="0.1", commissionAsset="", isBuyer=False)
    canned.answer("GET /api/v3/myTrades", Reply([deal]))

    report = trading.look_up(SENT)

    assert report is not None
    [fill] = report.fills
    assert (fill.amount, fill.price, fill.commission) == (
        Decimal("0.000000000000000001"), Decimal("99.99"), Decimal("0.1"),
    )  # fmt: skip
    assert (fill.symbol, fill.commission_asset, fill.side) == ("BTC/USDT", "USDT", Side.SELL)
    assert fill.at == NOON + timedelta(milliseconds=1)


def test_an_order_with_more_fills_than_a_page_is_read_page_by_page(canned: Canned, trading: Trading) -> None:
    deals = [a_deal(number, "0.01") for number in range(150, 0, -1)]
    canned.answer(f"GET {ORDER}", Reply(a_record(status="FILLED", executedQty="1.5")))
    canned.answer("GET /api/v3/myTrades", Reply(deals[:100]), Reply(deals[99:]))

    report = trading.look_up(SENT)

    assert report is not None
    assert (report.state, len(report.fills)) == (OrderState.FILLED, 150)
    assert canned.queries("GET /api/v3/myTrades")[1]["endTime"] == str(NOON_MS + 51)


def test_a_page_that_brings_nothing_new_ends_the_search(canned: Canned, trading: Trading) -> None:
    canned.answer(f"GET {ORDER}", Reply(a_record(status="FILLED", executedQty="5")))
    canned.answer("GET /api/v3/myTrades", Reply([a_deal(number, "0.01") for number in range(100)]))

    report = trading.look_up(SENT)

    assert report is not None
    assert (report.state, report.filled) == (OrderState.PARTIALLY_FILLED, Decimal(1))


OPEN, PAST, FILLS = (f"GET /api/v3/{path}" for path in ("openOrders", "allOrders", "myTrades"))
NOBODY = refusal(-2013)
DAY_MS = 86_400_000


@pytest.fixture
def silent(canned: Canned) -> Canned:
    """A venue that answers every question, and knows nothing of the order."""
    canned.answer(f"GET {ORDER}", NOBODY)
    for question in (OPEN, PAST, FILLS):
        canned.answer(question, Reply([]))
    return canned


def test_an_order_that_its_name_does_not_find_is_not_searched_for_each_time(silent: Canned, trading: Trading) -> None:
    assert trading.look_up(SENT) is None
    assert [name for name, _ in silent.requests] == ["GET /api/v3/time", f"GET {ORDER}"]


def test_a_search_asks_in_each_way_there_is(silent: Canned, trading: Trading) -> None:
    search = trading.search(SENT)

    assert search == Search(None, NOON, in_reach=True)
    asked = [name for name, _ in silent.requests if name != "GET /api/v3/time"]
    assert asked == [f"GET {ORDER}", OPEN, PAST, FILLS]
    for question in (PAST, FILLS):
        [query] = silent.queries(question)
        assert int(query["startTime"]) < NOON_MS < int(query["endTime"])


def test_a_search_begins_with_the_venues_clock(silent: Canned, trading: Trading) -> None:
    trading.look_up(SENT)
    silent.requests.clear()
    silent.answer("GET /api/v3/time", Reply({"serverTime": NOON_MS + 7000}))

    assert trading.search(SENT).began_at == NOON + timedelta(seconds=7)
    assert silent.requests[0][0] == "GET /api/v3/time"


@pytest.mark.parametrize("question", [OPEN, PAST])
def test_f2_an_order_that_its_name_does_not_find_is_found_in_other_ways(
    silent: Canned, trading: Trading, question: str
) -> None:
    silent.answer(question, Reply([a_record(clientOrderId="OTHER"), a_record()]))

    report = trading.search(SENT).report

    assert report is not None
    assert (report.exchange_order_id, report.state) == ("V1", OrderState.OPEN)


@pytest.mark.parametrize(
    ("qty", "expected"), [("0.4", OrderState.PARTIALLY_FILLED), ("1", OrderState.FILLED)], ids=["part", "all"]
)
def test_an_order_that_only_its_fills_show_is_there(
    silent: Canned, trading: Trading, qty: str, expected: OrderState
) -> None:
    silent.answer(FILLS, Reply([a_deal(2, clientOrderId="OTHER"), a_deal(1, qty, clientOrderId="ORDER1")]))

    report = trading.search(SENT).report

    assert report is not None
    assert (report.exchange_order_id, report.state, report.filled) == ("V1", expected, Decimal(qty))
    assert [fill.venue_trade_id for fill in report.fills] == ["deal-1"]


def test_fills_that_tell_no_name_are_known_by_the_venues_id(silent: Canned, trading: Trading) -> None:
    silent.answer(FILLS, Reply([a_deal(1, "0.4"), a_deal(2, orderId="V2")]))

    report = trading.search(replace(SENT, exchange_order_id="V1")).report

    assert report is not None
    assert report.filled == Decimal("0.4")
    assert trading.search(SENT).report is None


@pytest.mark.parametrize("question", [f"GET {ORDER}", OPEN, PAST, FILLS])
@pytest.mark.parametrize(
    "reply",
    [Reply(drop=True), refusal(500), Reply("<html>busy</html>", 503), Reply("hi"), Reply("", 302, {"Location": "/"})],
)
def test_f3_a_search_in_which_one_answer_is_missing_proves_nothing(
    silent: Canned, trading: Trading, question: str, reply: Reply
) -> None:
    silent.answer(question, reply)

    with pytest.raises(Unavailable):
        trading.search(SENT)


def old(days: float, **changes: Any) -> Order:
    """An order of so many days ago."""
    at = NOON - timedelta(days=days)
    return replace(SENT, created_at=at, claimed_at=at, **changes)


def test_the_venue_tells_of_no_order_that_is_older_than_a_week(silent: Canned, trading: Trading) -> None:
    assert trading.search(old(6.9)) == Search(None, NOON, in_reach=True)
    silent.requests.clear()

    assert trading.search(old(7.1)) == Search(None, NOON, in_reach=False)
    assert silent.queries(PAST) == []
    assert len(silent.queries(OPEN)) == 1


def test_how_old_an_order_is_is_told_by_the_venues_clock_and_not_by_ours(silent: Canned, trading: Trading) -> None:
    until = NOON - timedelta(days=6)

    assert trading.search(old(8, acceptable_until=until)).in_reach
    assert silent.queries(PAST)[0]["startTime"] == str(microseconds(until) // 1000 - 3_600_000)
    assert not trading.search(old(6, acceptable_until=until - timedelta(days=2))).in_reach


def test_an_older_order_has_ended_as_its_fills_of_a_month_say(silent: Canned, trading: Trading) -> None:
    silent.answer(FILLS, Reply([a_deal(1, "0.4", clientOrderId="ORDER1")]))

    within, beyond = (trading.search(old(days)).report for days in (8, 31))

    assert within is not None
    assert beyond is not None
    assert (within.state, within.filled) == (OrderState.CANCELLED, Decimal("0.4"))
    assert (beyond.state, beyond.filled) == (OrderState.PARTIALLY_FILLED, Decimal("0.4"))


def test_an_older_order_that_still_works_is_open(silent: Canned, trading: Trading) -> None:
    silent.answer(OPEN, Reply([a_record()]))

    report = trading.search(old(8)).report

    assert report is not None
    assert report.state is OrderState.OPEN


def test_an_older_order_that_the_venue_took_and_that_neither_works_nor_filled_has_ended(
    silent: Canned, trading: Trading
) -> None:
    taken = old(8, exchange_order_id="V1")

    assert trading.search(taken).report == Report("V1", OrderState.CANCELLED, Decimal(0))
    assert trading.search(replace(taken, created_at=NOON)).report is None
    assert trading.search(old(31, exchange_order_id="V1")).report is None


def test_a_search_reads_as_many_pages_as_there_are(silent: Canned, trading: Trading) -> None:
    others = [a_record(orderId=f"O{number}", clientOrderId="", time=NOON_MS + number) for number in range(999, -1, -1)]
    silent.answer(PAST, Reply(others), Reply([others[-1], a_record()]))

    report = trading.search(SENT).report

    assert report is not None
    assert silent.queries(PAST)[1]["endTime"] == str(NOON_MS)


def test_pages_that_do_not_end_prove_nothing(silent: Canned, trading: Trading) -> None:
    silent.answer(FILLS, Reply([a_deal(number, clientOrderId="OTHER") for number in range(100)]))

    with pytest.raises(Unavailable, match="again and again"):
        trading.search(SENT)


@pytest.mark.parametrize(
    "record",
    [
        a_record(clientOrderId="OTHER"),
        a_record(symbol="ETHUSDT"),
        a_record(orderId="V2"),
        a_record(orderId=""),
        [a_record()],
    ],
    ids=["another name", "another symbol", "another id", "no id", "a list"],
)
def test_an_answer_about_another_order_is_no_answer(canned: Canned, trading: Trading, record: Any) -> None:
    canned.answer(f"GET {ORDER}", Reply(record))

    with pytest.raises(Unavailable, match="told of something else"):
        trading.look_up(replace(SENT, exchange_order_id="V1"))


def test_fills_of_another_order_are_not_counted(canned: Canned, trading: Trading) -> None:
    canned.answer(f"GET {ORDER}", Reply(a_record(status="FILLED", executedQty="1")))
    canned.answer(FILLS, Reply([a_deal(1, "0.4"), a_deal(2, "0.6", orderId="V2")]))

    report = trading.look_up(SENT)

    assert report is not None
    assert (report.state, report.filled) == (OrderState.PARTIALLY_FILLED, Decimal("0.4"))


def test_a_search_costs_26_of_the_budget_and_waits_for_no_turn(silent: Canned) -> None:
    turns = Turns()
    client = a_client(silent.url, limiter=turns)
    Trading(client).look_up(SENT)
    turns.asked.clear()
    turns.spent = 0

    Trading(client).search(SENT)

    assert turns.spent == 26
    assert {priority for _, priority in turns.asked} == {Priority.ENTRY}
    assert turns.patience == {0}
    client.session.close()


def test_an_order_is_cancelled_under_its_own_name(canned: Canned, trading: Trading) -> None:
    canned.answer(f"DELETE {ORDER}", Reply(a_record()))

    trading.cancel(SENT)

    assert canned.queries(f"DELETE {ORDER}")[0]["origClientOrderId"] == "ORDER1"


def test_a_cancel_of_what_is_over_is_quiet_and_one_without_an_answer_is_not(canned: Canned, trading: Trading) -> None:
    canned.answer(f"DELETE {ORDER}", refusal(-2011), refusal(500))

    trading.cancel(SENT)
    with pytest.raises(Unavailable):
        trading.cancel(SENT)


def test_a_balance_is_what_is_free_and_locked(canned: Canned, trading: Trading) -> None:
    balances = [
        {"asset": "BTC", "free": "1", "locked": "0"},
        {"asset": "USDT", "free": "0.000000000674", "locked": "10"},
    ]
    canned.answer("GET /api/v3/account", Reply({"balances": balances}))

    assert trading.balance("USDT") == Decimal("10.000000000674")
    assert trading.balance("ETH") == 0


def test_a_family_is_found_by_its_name() -> None:
    assert families() == ["mexc"]
    assert family("mexc").Trading is Trading


def test_an_unknown_family_names_those_there_are() -> None:
    with pytest.raises(ValueError, match="choose one of mexc"):
        family("binance")


@dataclass
class Turns:
    """Gives a turn to everyone, and remembers who asked for which."""

    asked: list[tuple[str, Priority]] = field(default_factory=list)
    spent: int = 0
    patience: set[float | None] = field(default_factory=set)

    def acquire(self, endpoint: str, weight: int, priority: Priority, patience_s: float | None = None) -> None:
        self.asked.append((endpoint, priority))
        self.spent += weight
        self.patience.add(patience_s)

    def pause(self, retry_after_s: float | None, status: int) -> None:
        """Nobody is refused here."""


@dataclass
class FewTurns(Turns):
    """So many turns at an endpoint, then none."""

    left: dict[str, int] = field(default_factory=dict)

    def acquire(self, endpoint: str, weight: int, priority: Priority, patience_s: float | None = None) -> None:
        super().acquire(endpoint, weight, priority, patience_s)
        if self.left.get(endpoint) == 0:
            raise RateLimited("no turn", 1.0)
        self.left = {**self.left, endpoint: self.left.get(endpoint, 99) - 1}


def a_trade(number: int) -> dict[str, Any]:
    """A fill, so many seconds before noon."""
    row = {"id": f"F{number}", "orderId": f"O{number}", "price": "100", "qty": "1", "commission": "0", "isBuyer": True}
    return {**row, "symbol": "BTCUSDT", "commissionAsset": "USDT", "time": NOON_MS - number * 1000}


def test_fills_are_told_as_far_back_as_there_are_turns_and_the_rest_is_asked_for_from_there(canned: Canned) -> None:
    pages = [[a_trade(number) for number in range(first, first + 100)] for first in (0, 100)]
    canned.answer(f"GET {TRADES}", *map(Reply, pages), Reply([a_trade(200)]))
    turns = FewTurns(left={"GET myTrades": 2})
    client = a_client(canned.url, limiter=turns)
    since = NOON - timedelta(hours=1)

    first = Account(client).fills("BTC/USDT", since)
    turns.left = {}
    rest = Account(client).fills("BTC/USDT", since, first.back_to)

    assert (len(first.fills), first.back_to) == (200, NOON - timedelta(seconds=199))
    assert ([one.fill.venue_trade_id for one in rest.fills], rest.back_to) == (["F200"], None)
    assert canned.queries(f"GET {TRADES}")[-1]["endTime"] == str(NOON_MS - 199_000)
    assert ("GET myTrades", Priority.DATA) in turns.asked
    client.session.close()


def test_without_any_turn_no_fill_is_told_and_of_past_orders_the_newest_as_far_as_turns_go(canned: Canned) -> None:
    row = {"symbol": "BTCUSDT", "status": "NEW", "executedQty": "0", "time": NOON_MS}
    canned.answer("GET /api/v3/allOrders", Reply([{**row, "orderId": f"O{number}"} for number in range(1000)]))
    client = a_client(canned.url, limiter=FewTurns(left={"GET myTrades": 0, "GET allOrders": 1}))

    with pytest.raises(RateLimited):
        Account(client).fills("BTC/USDT", NOON - timedelta(hours=1), pressing=True)
    assert len(Account(client).orders("BTC/USDT", NOON - timedelta(hours=1))) == 1000
    with pytest.raises(RateLimited):
        Account(client).orders("BTC/USDT", NOON - timedelta(hours=1))
    client.session.close()


def test_no_more_than_three_pages_of_fills_are_asked_for_at_once(canned: Canned) -> None:
    pages = [[a_trade(number) for number in range(first, first + 100)] for first in (0, 100, 200)]
    canned.answer(f"GET {TRADES}", *map(Reply, pages))
    client = a_client(canned.url)

    told = Account(client).fills("BTC/USDT", NOON - timedelta(hours=1))

    assert (len(told.fills), told.back_to) == (300, NOON - timedelta(seconds=299))
    client.session.close()


def test_what_entries_wait_for_is_asked_before_data(canned: Canned) -> None:
    canned.answer("GET /api/v3/openOrders", Reply([]))
    canned.answer("GET /api/v3/account", Reply({"balances": []}))
    turns = Turns()
    client = a_client(canned.url, limiter=turns)

    Account(client).open_orders(["BTC/USDT"], pressing=True)
    Account(client).open_orders(["BTC/USDT"])
    Account(client).balances()

    asked = [one for one in turns.asked if one[0] in ("GET openOrders", "GET account")]
    assert [priority for _, priority in asked] == [Priority.BOOKS, Priority.DATA, Priority.BOOKS]
    client.session.close()


def test_balances_are_told_with_when_they_were_so_by_the_venues_clock(canned: Canned) -> None:
    times = [Reply({"serverTime": NOON_MS + ms}) for ms in (0, 300, 900)]
    canned.answer("GET /api/v3/time", *times[1:])
    canned.answer("GET /api/v3/account", Reply({"balances": [{"asset": "USDT", "free": "7", "locked": "1"}]}))
    client = a_client(canned.url)

    balances = Account(client).balances()

    assert (balances.amounts, balances.since) == ({"USDT": Decimal(8)}, NOON + timedelta(milliseconds=300))
    assert balances.until == NOON + timedelta(milliseconds=900)
    client.session.close()


def test_what_is_free_is_asked_with_the_urgency_of_an_exit(canned: Canned) -> None:
    rows = [{"asset": "BTC", "free": "0.25", "locked": "0.75"}, {"asset": "USDT", "free": "7", "locked": "0"}]
    canned.answer("GET /api/v3/account", Reply({"balances": rows}))
    turns = Turns()
    client = a_client(canned.url, limiter=turns)

    assert Account(client).free("BTC") == Decimal("0.25")
    assert ("GET account", Priority.EXIT) in turns.asked
    client.session.close()


@pytest.mark.parametrize(("told", "may"), [({"canWithdraw": True}, True), ({"canWithdraw": False}, False), ({}, None)])
def test_whether_the_account_may_withdraw_is_what_the_venue_says(
    canned: Canned, told: dict[str, bool], may: bool | None
) -> None:
    canned.answer("GET /api/v3/account", Reply({"balances": [], **told}))

    client = a_client(canned.url)
    assert Account(client).may_withdraw() is may
    client.session.close()
