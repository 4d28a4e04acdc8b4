"""What the stream's client makes of frames that are not as they should be."""

import asyncio

from aiohttp import WSMessage, WSMsgType

from app.domain.continuity import Print
from app.exchanges.mexc.stream import SYMBOLS_PER_CONNECTION, PublicMarket, Stream, _Client, _print
from tests.unit.exchanges.test_frames import a_frame

URLS = "http://127.0.0.1:1", "ws://127.0.0.1:1/ws"
DEALS = "spot@public.aggre.deals.v3.api.pb@100ms@"


async def test_a_frame_that_cannot_be_read_is_counted_and_the_next_is_heard() -> None:
    client, heard = _Client(*URLS), list[tuple[str, list[Print]]]()
    connection = client.client(URLS[1])
    connection.handle_message(binary(a_frame([("1", "2", 1, 3)])))
    client.hear = lambda symbol, prints: heard.append((symbol, prints))

    connection.handle_message(binary(b"\xff\xff\xff"))
    connection.handle_message(binary(a_frame([("1", "2", 1, 3)])))

    assert client.broken == 1
    assert [prints for _, prints in heard] == [[Print(3, 1.0, 2.0, "buy")]]
    await client.close()


async def test_what_is_no_trade_frame_goes_the_way_of_ccxt_also_on_a_connection_that_is_asked_for_again() -> None:
    client = _Client(*URLS)
    assert client.client(URLS[1]) is client.client(URLS[1])

    text = f'{{"id": 0, "code": 0, "msg": "{DEALS}BTCUSDT"}}'
    client.client(URLS[1]).handle_message(WSMessage(WSMsgType.TEXT, text, None))

    assert client.confirmed == {"BTCUSDT"}
    await client.close()


async def test_a_refused_subscription_is_remembered_with_what_the_venue_said() -> None:
    client = _Client(*URLS)
    stream = Stream(client, URLS[1], ["BTC/USDT"])
    refusal = f"Not Subscribed successfully! [{DEALS}ETHUSDT].  Reason: Blocked!"
    client.handle_message(None, {"id": 0, "code": 0, "msg": f"{DEALS}BTCUSDT"})
    client.handle_message(None, {"id": 0, "code": 0, "msg": refusal})

    assert stream.confirmed == {"BTCUSDT"}
    assert stream.refused == {"ETHUSDT": refusal}
    await stream.drop()  # nothing to close is no mistake
    await stream.close()


async def test_a_connection_has_thirty_symbols_at_most() -> None:
    market = PublicMarket(*URLS)
    market._client.markets = {}

    streams = market.streams([f"S{number}/USDT" for number in range(65)])

    assert [len(stream.symbols) for stream in streams] == [SYMBOLS_PER_CONNECTION, 30, 5]
    await asyncio.gather(market.close(), *(stream.close() for stream in streams))


async def test_connections_share_what_is_known_of_the_market_instead_of_each_having_its_own() -> None:
    market = PublicMarket(*URLS)
    market._client.set_markets({"BTC/USDT": {"id": "BTCUSDT", "symbol": "BTC/USDT", "spot": True}})

    one, other = market.streams([f"S{number}/USDT" for number in range(31)])

    for name in ("markets", "markets_by_id", "currencies"):
        assert getattr(one._client, name) is getattr(other._client, name) is getattr(market._client, name)
    assert one._client.safe_symbol("BTCUSDT") == "BTC/USDT"
    await asyncio.gather(market.close(), one.close(), other.close())


def test_the_buyer_who_waited_was_sold_to() -> None:
    rows = [{"T": 5, "p": "1.5", "q": "2", "m": maker} for maker in (True, "true", False)]

    assert [_print(row).side for row in rows] == ["sell", "sell", "buy"]


def binary(data: bytes) -> WSMessage:
    """A frame as aiohttp tells it."""
    return WSMessage(WSMsgType.BINARY, data, None)
