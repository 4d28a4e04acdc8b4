"""What MEXC's public answers become: rules, volumes, prints, bars and the time."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.domain.errors import Refused, Unavailable
from app.domain.market import Bar, Instrument, microseconds
from app.exchanges.mexc import Client, Market
from tests.fixtures.canned import Canned, Reply
from tests.fixtures.memory.builders import BTC, NOON

NOON_MS = microseconds(NOON) // 1000
INFO = "GET /api/v3/exchangeInfo"
KLINES = "GET /api/v3/klines"
PRINTS = "GET /api/v3/aggTrades"


def a_listing(symbol: str = "BTCUSDT", base: str = "BTC", **changes: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "status": "1",
        "baseAsset": base,
        "baseAssetPrecision": 6,
        "quoteAsset": "USDT",
        "quotePrecision": 2,
        "quoteAssetPrecision": 2,
        "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER"],
        "isSpotTradingAllowed": True,
        "quoteAmountPrecision": "1.000000000000000000",
        "baseSizePrecision": "0.0001",
        "maxQuoteAmount": "2000000.000000000000000000",
        "makerCommission": "0",
        "takerCommission": "0.0005",
        **changes,
    }


def a_print(ms: int, price: str = "100", quantity: str = "1", maker: bool = False) -> dict[str, Any]:
    return {"a": None, "f": None, "l": None, "p": price, "q": quantity, "T": NOON_MS + ms, "m": maker, "M": True}


def a_kline(minute: int, volume: str = "3") -> list[Any]:
    start = NOON_MS + minute * 60_000
    return [start, "1", "4", "0.5", "2", volume, start + 60_000, "6"]


@pytest.fixture
def client(canned: Canned) -> Iterator[Client]:
    canned.answer(INFO, Reply({"symbols": [a_listing(), a_listing("ETHUSDT", "ETH")]}))
    canned.answer("GET /api/v3/time", Reply({"serverTime": NOON_MS + 600_000}))
    made = Client(rest_url=canned.url, now=lambda: NOON, throttle=False)
    made.synchronise()
    yield made
    made.session.close()


@pytest.fixture
def market(client: Client) -> Market:
    return Market(client)


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def test_a_symbols_rules_are_exact(market: Market) -> None:
    instruments, records = market.instruments()

    assert instruments[0] == Instrument(
        symbol=BTC,
        base="BTC",
        quote="USDT",
        tradable=True,
        price_step=Decimal("0.01"),
        amount_step=Decimal("0.000001"),
        min_amount=Decimal("0.0001"),
        min_notional=Decimal(1),
        max_notional=Decimal(2_000_000),
        taker_fee=Decimal("0.0005"),
        market_orders=True,
    )
    assert records[BTC]["id"] == "BTCUSDT"
    assert len(instruments) == 2


def test_the_rules_are_asked_for_in_one_request(canned: Canned, market: Market) -> None:
    market.instruments()

    assert [name for name, _ in canned.requests] == ["GET /api/v3/time", INFO]


@pytest.mark.parametrize("changes", [{"isSpotTradingAllowed": False}, {"status": "2"}])
def test_f17_a_symbol_that_the_api_may_not_trade_is_listed_as_such(
    canned: Canned, market: Market, changes: dict[str, Any]
) -> None:
    canned.answer(INFO, Reply({"symbols": [a_listing(**changes)]}))

    [instrument], _ = market.instruments()

    assert not instrument.tradable


def test_what_a_listing_leaves_out_has_a_default(canned: Canned, market: Market) -> None:
    bare = a_listing(maxQuoteAmount="0", takerCommission=None, baseSizePrecision="0", orderTypes=["LIMIT"])
    canned.answer(INFO, Reply({"symbols": [bare]}))

    [instrument], _ = market.instruments()

    assert (instrument.max_notional, instrument.taker_fee) == (None, Decimal("0.0005"))
    assert (instrument.min_amount, instrument.market_orders) == (Decimal("0.000001"), False)


def test_one_listing_that_makes_no_sense_hides_no_other(canned: Canned, market: Market) -> None:
    canned.answer(INFO, Reply({"symbols": [a_listing("ODDUSDT", "ODD", quoteAmountPrecision="many"), a_listing()]}))

    instruments, records = market.instruments()

    assert [one.symbol for one in instruments] == [BTC] == list(records)


def test_volumes_are_in_quote_currency(canned: Canned, market: Market) -> None:
    rows = [
        {"symbol": "BTCUSDT", "volume": "2", "lastPrice": "100", "quoteVolume": "190"},
        {"symbol": "ETHUSDT", "volume": "3", "lastPrice": "10", "quoteVolume": None},
        {"symbol": "GONEUSDT", "volume": "3", "lastPrice": "10", "quoteVolume": "1"},
    ]
    canned.answer("GET /api/v3/ticker/24hr", Reply(rows))

    assert market.volumes() == {BTC: Decimal(190), "ETH/USDT": Decimal(30)}


def test_klines_become_closed_bars_and_a_quiet_minute_none(canned: Canned, market: Market) -> None:
    canned.answer(KLINES, Reply([a_kline(-1), a_kline(0), a_kline(1, "0"), a_kline(2), a_kline(3)]))

    bars = market.bars(BTC, "1m", NOON, minutes(3))

    assert bars == [
        Bar(BTC, "1m", minutes(1), 1, 4, 0.5, 2, 3, ticks=0),
        Bar(BTC, "1m", minutes(3), 1, 4, 0.5, 2, 3, ticks=0),
    ]
    [query] = canned.queries(KLINES)
    assert (query["interval"], query["startTime"], query["endTime"]) == ("1m", str(NOON_MS), str(NOON_MS + 180_000))


def test_a_bar_that_the_venue_has_not_closed_is_none(canned: Canned, market: Market) -> None:
    canned.answer(KLINES, Reply([a_kline(8), a_kline(9), a_kline(10)]))

    assert [bar.end for bar in market.bars(BTC, "1m", NOON, minutes(60))] == [minutes(9), minutes(10)]


def test_an_hour_is_sixty_minutes_to_mexc_and_long_pasts_come_in_pages(canned: Canned, client: Client) -> None:
    canned.answer(KLINES, Reply([]))
    canned.answer("GET /api/v3/time", Reply({"serverTime": NOON_MS + 900 * 3_600_000}))
    client.forget_offset()
    client.synchronise()

    Market(client).bars(BTC, "1h", NOON, NOON + timedelta(hours=600))

    assert [query["interval"] for query in canned.queries(KLINES)] == ["60m", "60m"]
    assert int(canned.queries(KLINES)[1]["startTime"]) == NOON_MS + 500 * 3_600_000


def test_bars_without_a_kline_are_made_from_prints(canned: Canned, market: Market) -> None:
    rows = [a_print(100, "10"), a_print(400, "12"), a_print(999, "11"), a_print(3500, "9", "2"), a_print(4001)]
    canned.answer(PRINTS, Reply(rows))

    assert market.bars(BTC, "1s", NOON, NOON + timedelta(seconds=4)) == [
        Bar(BTC, "1s", NOON + timedelta(seconds=1), 10, 12, 10, 11, 3, ticks=3),
        Bar(BTC, "1s", NOON + timedelta(seconds=4), 9, 9, 9, 9, 2, ticks=1),
    ]


def test_a_bar_that_begins_before_the_past_asked_for_is_left_out(canned: Canned, market: Market) -> None:
    canned.answer(PRINTS, Reply([a_print(700), a_print(1200)]))
    since = NOON + timedelta(milliseconds=500)

    assert [bar.end for bar in market.bars(BTC, "1s", since, NOON + timedelta(seconds=2))] == [
        NOON + timedelta(seconds=2)
    ]


@pytest.mark.parametrize("newest_first", [False, True])
def test_prints_come_oldest_first_each_at_its_own_microsecond(
    canned: Canned, market: Market, newest_first: bool
) -> None:
    rows = [a_print(1, "10"), a_print(1, "11"), a_print(2, "12", maker=True)]
    canned.answer(PRINTS, Reply(rows[::-1] if newest_first else rows))
    start = microseconds(NOON)

    ticks = market.prints(BTC, start, start + 1_000_000)

    assert [(tick.time_us - start, tick.price, tick.side) for tick in ticks] == [
        (1000, 10, "buy"),
        (1001, 11, "buy"),
        (2000, 12, "sell"),
    ]


def test_prints_end_before_the_instant_asked_for(canned: Canned, market: Market) -> None:
    canned.answer(PRINTS, Reply([a_print(1), a_print(5)]))
    start = microseconds(NOON)

    assert len(market.prints(BTC, start + 1000, start + 5000)) == 1


def test_a_print_that_makes_no_sense_is_left_out(canned: Canned, market: Market) -> None:
    canned.answer(PRINTS, Reply([a_print(1, "-5"), a_print(2)]))
    start = microseconds(NOON)

    assert [tick.price for tick in market.prints(BTC, start, start + 9000)] == [100]


def test_a_full_page_is_asked_for_in_halves(canned: Canned, market: Market) -> None:
    full = [a_print(0) for _ in range(1000)]
    canned.answer(PRINTS, Reply(full), Reply([a_print(0)]), Reply([a_print(1)]))
    start = microseconds(NOON)

    assert len(market.prints(BTC, start, start + 2000)) == 2

    spans = [(int(q["startTime"]) - NOON_MS, int(q["endTime"]) - NOON_MS) for q in canned.queries(PRINTS)]
    assert spans == [(0, 1), (0, 0), (1, 1)]


def test_a_full_page_within_one_millisecond_is_all_there_is_to_get(canned: Canned, market: Market) -> None:
    canned.answer(PRINTS, Reply([a_print(0) for _ in range(1000)]))
    start = microseconds(NOON)

    assert len(market.prints(BTC, start, start + 1000)) == 1000


def test_a_long_past_of_prints_is_asked_for_by_the_hour(canned: Canned, market: Market) -> None:
    canned.answer(PRINTS, Reply([]))
    start = microseconds(NOON)

    market.prints(BTC, start, start + 2 * 3_600_000_000)

    assert len(canned.queries(PRINTS)) == 2


def test_the_venues_clock_is_told_in_microseconds(market: Market) -> None:
    assert market.time_us() == (NOON_MS + 600_000) * 1000


def test_an_unlisted_symbol_is_refused(market: Market) -> None:
    with pytest.raises(Refused):
        market.bars("NO/SUCH", "1m", NOON, minutes(1))


def test_a_venue_that_is_down_is_unavailable(canned: Canned, market: Market) -> None:
    canned.answer(INFO, Reply("<html>down</html>", 503))

    with pytest.raises(Unavailable):
        market.instruments()
