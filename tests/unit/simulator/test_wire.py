"""Our encoder against the protobuf classes that ccxt reads with."""

from decimal import Decimal
from typing import Any

import pytest
from ccxt.protobuf.mexc import PushDataV3ApiWrapper_pb2
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from app.domain.orders import Side
from app.simulator import wire
from app.simulator.account import AccountTrade, Balance, Status, VenueOrder
from app.simulator.market import Print
from app.simulator.matching import Kind, Level

D = Decimal
NOW = 1_763_800_000_123


def read(frame: bytes) -> dict[str, Any]:
    push = PushDataV3ApiWrapper_pb2.PushDataV3ApiWrapper()
    push.ParseFromString(frame)
    found: dict[str, Any] = MessageToDict(push)
    return found


def test_deals_arrive_as_they_were_printed() -> None:
    prints = [
        Print("BTCUSDT", NOW, D("61000.50"), D("0.000100"), "buy", "1"),
        Print("BTCUSDT", NOW + 1, D("1E-7"), D("3"), "sell", "2"),
    ]
    body = wire.deals(map(wire.deal, prints), "event")
    found = read(wire.frame("channel", "BTCUSDT", NOW, wire.AGGRE_DEALS, body))
    deals = found["publicAggreDeals"]["deals"]
    assert (found["channel"], found["symbol"], found["sendTime"]) == ("channel", "BTCUSDT", str(NOW))
    assert deals == [
        {"price": "61000.50", "quantity": "0.000100", "tradeType": 1, "time": str(NOW)},
        {"price": "0.0000001", "quantity": "3", "tradeType": 2, "time": str(NOW + 1)},
    ]
    assert found["publicAggreDeals"]["eventType"] == "event"


def test_the_book_in_its_three_forms() -> None:
    bid, ask = Level(D("99.99"), D(2)), Level(D(100), D("1.5"))
    ticker = read(wire.frame("c", "X", NOW, wire.AGGRE_BOOK_TICKER, wire.book_ticker(bid, ask, 7)))
    assert ticker["publicAggreBookTicker"] == {
        "bidPrice": "99.99",
        "bidQuantity": "2",
        "askPrice": "100",
        "askQuantity": "1.5",
    }
    depth = read(wire.frame("c", "X", NOW, wire.AGGRE_DEPTHS, wire.depths([ask], [bid], "e", 4, 9)))
    assert depth["publicAggreDepths"] == {
        "asks": [{"price": "100", "quantity": "1.5"}],
        "bids": [{"price": "99.99", "quantity": "2"}],
        "eventType": "e",
        "fromVersion": "4",
        "toVersion": "9",
    }
    limited = read(wire.frame("c", "X", NOW, wire.LIMIT_DEPTHS, wire.limit_depths([ask], [bid], "e", 9)))
    assert limited["publicLimitDepths"]["version"] == "9"


def test_a_forming_bar() -> None:
    figures = (D(1), D(2), D(3), D("0.5"), D(10), D(20))
    found = read(wire.frame("c", "X", NOW, wire.KLINE, wire.kline("Min1", 60, 120, figures)))
    assert found["publicSpotKline"] == {
        "interval": "Min1",
        "windowStart": "60",
        "openingPrice": "1",
        "closingPrice": "2",
        "highestPrice": "3",
        "lowestPrice": "0.5",
        "volume": "10",
        "amount": "20",
        "windowEnd": "120",
    }


@pytest.mark.parametrize(("deal", "maker"), [(D("0.4"), Kind.LIMIT), (None, Kind.MAKER)])
def test_an_order_a_fill_and_a_balance_of_the_accounts(deal: Decimal | None, maker: Kind) -> None:
    order = VenueOrder(
        "C02__1", "MINE", "BTCUSDT", Side.SELL, maker, D(100), D(1), D(0), NOW, NOW,
        Status.PARTIALLY_FILLED, D("0.4"), D(40),
    )  # fmt: skip
    found = read(wire.frame("c", "X", NOW, wire.ORDERS, wire.order(order, deal), create_ms=NOW))["privateOrders"]
    assert (found["id"], found["clientId"], found["avgPrice"], found["remainQuantity"]) == (
        "C02__1",
        "MINE",
        "100",
        "0.6",
    )
    assert (found["status"], found["tradeType"], found["cumulativeAmount"]) == (3, 2, "40")
    assert found.get("lastDealQuantity") == (None if deal is None else "0.4")

    trade = AccountTrade("5X1", "C02__1", "MINE", "BTCUSDT", Side.BUY, D(100), D("0.4"), D("0.02"), "USDT", True, NOW)
    fill = read(wire.frame("c", "X", NOW, wire.DEALS, wire.account_trade(trade)))["privateDeals"]
    assert (fill["tradeId"], fill["amount"], fill["feeAmount"], fill["isMaker"]) == ("5X1", "40", "0.02", True)

    body = wire.balance("USDT", Balance(D(5), D(2)), Balance(D(7)), "ENTRUST_PLACE", NOW)
    money = read(wire.frame("c", "", NOW, wire.ACCOUNT, body))["privateAccount"]
    assert (money["balanceAmount"], money["balanceAmountChange"], money["frozenAmount"]) == ("5", "-2", "2")


@given(st.integers(1, 2**62))
def test_any_whole_number_survives(number: int) -> None:
    assert read(wire.frame("", "", number, wire.KLINE, b""))["sendTime"] == str(number)
