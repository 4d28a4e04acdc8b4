"""ccxt.pro against the simulated venue: public pushes, private events, and what goes wrong with a websocket."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import ccxt.pro
import pytest
from ccxt.protobuf.mexc import PushDataV3ApiWrapper_pb2

from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.venue import ServedVenue
from tests.integration.test_venue_ccxt import SYMBOL, api_of

STREAM = "spot@public.aggre.deals.v3.api.pb@100ms@{}"


@pytest.fixture
async def mexc(venue: ServedVenue) -> AsyncIterator[Any]:
    keys = {"apiKey": venue.config.api_key, "secret": venue.config.api_secret}
    client = ccxt.pro.mexc({**keys, "enableRateLimit": False, "urls": {"api": api_of(venue)}})
    await client.load_markets()
    yield client
    await client.close()


async def tell(venue: ServedVenue, what: str, /, **wanted: Any) -> Any:
    return await asyncio.to_thread(venue.tell, what, wanted)


async def subscribed(venue: ServedVenue, watching: asyncio.Task[Any], connections: int = 1) -> asyncio.Task[Any]:
    """Give a watch the time to connect and subscribe."""
    for _ in range(100):
        await asyncio.sleep(0.02)
        if (await asyncio.to_thread(venue.status))["connections"] >= connections:
            break
    await asyncio.sleep(0.05)
    return watching


async def test_a_print_is_pushed_to_who_watches_its_trades(mexc: Any, venue: ServedVenue) -> None:
    watching = await subscribed(venue, asyncio.create_task(mexc.watch_trades(SYMBOL)))
    injected = await tell(venue, "tick", symbol=SYMBOL, price="61000.5", quantity="0.25", side="sell")

    (trade,) = await asyncio.wait_for(watching, 5)
    assert (trade["symbol"], trade["price"], trade["amount"], trade["side"]) == (SYMBOL, 61_000.5, 0.25, "sell")
    assert trade["timestamp"] == injected["time_us"] // 1000


async def test_the_first_print_after_a_pause_is_pushed_at_once_and_the_next_ones_together(
    venue: ServedVenue,
) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(venue.ws_url) as socket:
        await socket.send_json({"method": "SUBSCRIPTION", "params": [STREAM.format("BTCUSDT")]})
        assert (await socket.receive_json())["msg"] == STREAM.format("BTCUSDT")
        prices = [f"{price}.25" for price in range(1000, 1020)]  # no such digits are in a time or an id
        for price in prices:
            await tell(venue, "tick", symbol=SYMBOL, price=price, quantity="1", side="buy")

        frames = [await socket.receive_bytes(timeout=PATIENCE_S)]
        assert [frames[0].count(price.encode()) for price in prices] == [1] + [0] * 19
        while prices[-1].encode() not in frames[-1]:
            frames.append(await socket.receive_bytes(timeout=PATIENCE_S))
        assert [b"".join(frames).count(price.encode()) for price in prices] == [1] * 20
        assert len(frames) < len(prices)


async def test_the_ticker_the_book_and_the_forming_bar_are_pushed(mexc: Any, venue: ServedVenue) -> None:
    ticker = asyncio.create_task(mexc.watch_ticker(SYMBOL))
    chart = asyncio.create_task(mexc.watch_ohlcv(SYMBOL, "1m"))
    book = await subscribed(venue, asyncio.create_task(mexc.watch_order_book(SYMBOL)))
    for price in range(60_000, 60_040):
        if book.done():
            break
        await tell(venue, "tick", symbol=SYMBOL, price=str(price), quantity="1", side="buy")
        await asyncio.sleep(0.11)

    assert (await asyncio.wait_for(ticker, 5))["bid"] == 60_000
    assert (await asyncio.wait_for(chart, 5))[-1][1] == 60_000
    seen = await asyncio.wait_for(book, PATIENCE_S)
    assert seen["asks"][0][0] == pytest.approx(seen["bids"][0][0] + 0.01)


async def test_the_accounts_own_orders_fills_and_balances_are_pushed(mexc: Any, venue: ServedVenue) -> None:
    orders = await subscribed(venue, asyncio.create_task(mexc.watch_orders()))
    fills = asyncio.create_task(mexc.watch_my_trades())
    money = await subscribed(venue, asyncio.create_task(mexc.watch_balance()))
    await tell(venue, "tick", symbol=SYMBOL, price="60000", quantity="1", side="buy")
    placed = await mexc.create_order(SYMBOL, "limit", "buy", 0.01, 60_010, {"clientOrderId": "MINE"})

    (order,) = await asyncio.wait_for(orders, 5)
    (fill,) = await asyncio.wait_for(fills, 5)
    balance = await asyncio.wait_for(money, 5)
    assert (order["id"], order["clientOrderId"], order["status"], order["filled"]) == (
        placed["id"],
        "MINE",
        "closed",
        0.01,
    )
    assert (fill["order"], fill["price"], fill["amount"]) == (placed["id"], 60_000.01, 0.01)
    assert fill["fee"]["currency"] == "USDT"
    assert balance["info"]["type"] == "ENTRUST"


async def test_private_events_can_be_lost_or_doubled(mexc: Any, venue: ServedVenue) -> None:
    watching = await subscribed(venue, asyncio.create_task(mexc.watch_orders()))
    await tell(venue, "faults", fault="private_frames_dropped", times=1, path="orders")
    await tell(venue, "faults", fault="private_frames_doubled", times=1, path="orders")
    await mexc.create_order(SYMBOL, "limit", "buy", 0.01, 50_000)
    second = await mexc.create_order(SYMBOL, "limit", "buy", 0.01, 50_001)

    assert [order["id"] for order in await asyncio.wait_for(watching, 5)] == [second["id"]]


async def test_a_key_that_is_not_valid_opens_no_private_stream(mexc: Any, venue: ServedVenue) -> None:
    mexc.options["listenKey"] = "wrong"
    with pytest.raises(ccxt.AuthenticationError, match="listen key"):
        await asyncio.wait_for(mexc.watch_orders(), 5)


async def test_listen_keys_can_be_listed_kept_and_ended(mexc: Any) -> None:
    key = (await mexc.spotPrivatePostUserDataStream())["listenKey"]
    assert (await mexc.spotPrivateGetUserDataStream())["listenKey"] == [key]
    assert (await mexc.spotPrivatePutUserDataStream({"listenKey": key}))["listenKey"] == key
    assert (await mexc.spotPrivateDeleteUserDataStream({"listenKey": key}))["listenKey"] == key
    with pytest.raises(ccxt.ExchangeError, match="-1125"):
        await mexc.spotPrivatePutUserDataStream({"listenKey": key})


async def test_a_connection_holds_thirty_streams_and_answers_like_mexc(venue: ServedVenue) -> None:
    names = [STREAM.format(name) for name in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT")]
    names += [name.replace("100ms", "10ms") for name in names]
    names += [name.replace("deals", "bookTicker") for name in names]
    names += [name.replace("deals", "depth") for name in names[:10]]
    names.append("spot@public.limit.depth.v3.api.pb@BTCUSDT@5")
    async with aiohttp.ClientSession() as session, session.ws_connect(venue.ws_url) as socket:

        async def asked(said: str) -> str:
            await socket.send_str(said)
            return str((await socket.receive_json())["msg"])

        replies = [await asked(json.dumps({"method": "SUBSCRIPTION", "params": [name]})) for name in names]
        assert replies[:30] == names[:30]
        assert replies[30].startswith("Not Subscribed successfully! [")
        assert await asked(json.dumps({"method": "UNSUBSCRIPTION", "params": [names[0]]})) == names[0]
        assert await asked(json.dumps({"method": "SUBSCRIPTION", "params": [names[30]]})) == names[30]
        assert await asked('{"method": "ping"}') == "PONG"
        assert await asked("no json") == "Invalid request"
        again = await asked(json.dumps({"method": "SUBSCRIPTION", "params": ["spot@private.orders.v3.api.pb"]}))
        assert again.startswith("Not Subscribed")


@pytest.mark.parametrize(
    "name", ["spot@public.nothing", STREAM.format("NOSUCH"), "spot@public.kline.v3.api.pb@BTCUSDT@Min2"]
)
async def test_a_stream_that_is_not_there_is_refused(venue: ServedVenue, name: str) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(venue.ws_url) as socket:
        await socket.send_json({"method": "SUBSCRIPTION", "params": [name]})
        assert name in (await socket.receive_json())["msg"]


async def test_a_silent_websocket_stays_open_and_says_nothing(venue: ServedVenue) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(venue.ws_url) as socket:
        await socket.send_json({"method": "SUBSCRIPTION", "params": [STREAM.format("BTCUSDT")]})
        await socket.receive_json()
        await tell(venue, "faults", fault="silent_websocket", for_s=30)
        await tell(venue, "tick", symbol=SYMBOL, price="60000", quantity="1", side="buy")
        await socket.send_json({"method": "PING"})
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.3)
        await asyncio.to_thread(venue.heal)
        await tell(venue, "tick", symbol=SYMBOL, price="60001", quantity="1", side="buy")
        assert b"60001" in await socket.receive_bytes(timeout=PATIENCE_S)


async def test_a_dropped_websocket_raises_and_the_next_watch_connects_again(mexc: Any, venue: ServedVenue) -> None:
    watching = await subscribed(venue, asyncio.create_task(mexc.watch_trades(SYMBOL)))
    await tell(venue, "faults", fault="dropped_websocket")
    with pytest.raises(ccxt.NetworkError):
        await asyncio.wait_for(watching, 5)

    again = await subscribed(venue, asyncio.create_task(mexc.watch_trades(SYMBOL)))
    await tell(venue, "tick", symbol=SYMBOL, price="60000", quantity="1", side="buy")
    assert (await asyncio.wait_for(again, 5))[-1]["price"] == 60_000


async def test_a_subscription_can_be_refused_by_a_fault(venue: ServedVenue) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(venue.ws_url) as socket:
        await tell(venue, "faults", fault="refused_subscription", times=1)
        await socket.send_json({"method": "SUBSCRIPTION", "params": [STREAM.format("BTCUSDT")]})
        assert "Not Subscribed" in (await socket.receive_json())["msg"]


async def test_the_best_levels_are_pushed_whole(venue: ServedVenue) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(venue.ws_url) as socket:
        await socket.send_json({"method": "SUBSCRIPTION", "params": ["spot@public.limit.depth.v3.api.pb@BTCUSDT@5"]})
        await socket.receive_json()
        await tell(venue, "tick", symbol=SYMBOL, price="60000", quantity="1", side="buy")
        push = PushDataV3ApiWrapper_pb2.PushDataV3ApiWrapper()
        push.ParseFromString(await socket.receive_bytes(timeout=PATIENCE_S))
    assert [level.price for level in push.publicLimitDepths.bids] == [
        "60000",
        "59999.99",
        "59999.98",
        "59999.97",
        "59999.96",
    ]


async def test_every_listen_key_can_be_made_to_expire(mexc: Any, venue: ServedVenue) -> None:
    await mexc.spotPrivatePostUserDataStream()
    await tell(venue, "faults", faults=[{"fault": "listen_key_expired"}])
    assert (await mexc.spotPrivateGetUserDataStream())["listenKey"] == []


async def test_a_stream_whose_key_has_expired_stays_open_and_says_nothing(mexc: Any, venue: ServedVenue) -> None:
    key = (await mexc.spotPrivatePostUserDataStream())["listenKey"]
    url = f"{venue.ws_url}?listenKey={key}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_json({"method": "SUBSCRIPTION", "params": ["spot@private.orders.v3.api.pb"]})
        await socket.receive_json()
        await mexc.create_order(SYMBOL, "limit", "buy", 0.01, 50_000)
        assert await socket.receive_bytes(timeout=PATIENCE_S)
        await tell(venue, "faults", fault="listen_key_expired")
        await mexc.create_order(SYMBOL, "limit", "buy", 0.01, 50_000)
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.2)


async def test_websockets_can_be_refused_while_requests_are_answered(mexc: Any, venue: ServedVenue) -> None:
    await tell(venue, "faults", fault="websockets_refused", times=1)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(venue.ws_url)
        assert await mexc.fetch_time() > 0
        async with session.ws_connect(venue.ws_url) as socket:
            assert not socket.closed
