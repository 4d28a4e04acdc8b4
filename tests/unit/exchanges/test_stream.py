"""What the stream's client makes of frames that are not as they should be."""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import pairwise

import ccxt
import pytest
from aiohttp import WSMessage, WSMsgType

from app.domain.continuity import Print
from app.exchanges.mexc.stream import SYMBOLS_PER_CONNECTION, PublicMarket, Stream, _Client, _print
from app.simulator import wire
from tests.unit.exchanges.test_frames import a_frame

URLS = "http://127.0.0.1:1", "ws://127.0.0.1:1/ws"
DEALS = "spot@public.aggre.deals.v3.api.pb@100ms@"


async def test_a_frame_that_cannot_be_read_is_counted_and_the_next_is_heard() -> None:
    client, heard = _Client(*URLS), list[tuple[str, list[Print]]]()
    await received(client, binary(a_frame([("1", "2", 1, 3)])))
    client.hear = lambda symbol, prints: heard.append((symbol, prints))

    await received(client, binary(b"\xff\xff\xff"), binary(a_frame([("1", "2", 1, 3)])))

    assert client.broken == 1
    assert [prints for _, prints in heard] == [[Print(3, 1.0, 2.0, "buy")]]
    await client.close()


async def test_a_connection_with_much_to_tell_leaves_turns_to_others() -> None:
    client, heard = _Client(*URLS), list[str]()
    client.hear = lambda symbol, prints: heard.append(symbol)
    at_turns: list[int] = []
    frames = [binary(a_frame([("1", "2", 1, 3)]))] * (10 * SYMBOLS_PER_CONNECTION)

    async def other() -> None:
        while True:
            at_turns.append(len(heard))
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    await received(client, *frames)
    beside.cancel()

    assert len(heard) == len(frames)
    gaps = [after - before for before, after in pairwise(at_turns)]
    assert max(gaps) == SYMBOLS_PER_CONNECTION
    await client.close()


async def test_what_is_no_trade_frame_goes_the_way_of_ccxt() -> None:
    client = _Client(*URLS)
    text = f'{{"id": 0, "code": 0, "msg": "{DEALS}BTCUSDT"}}'

    await received(client, WSMessage(WSMsgType.TEXT, text, None))

    assert client.confirmed == {"BTCUSDT"}
    await client.close()


async def test_a_connection_that_is_asked_for_again_is_the_same_and_is_read_once() -> None:
    client = _Client(*URLS)

    connection = client.client(URLS[1])

    assert client.client(URLS[1]) is connection
    assert connection.receive_loop is client.client(URLS[1]).receive_loop
    await client.close()


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([], "closed by remote server, closing code 1006"),
        ([a_frame([("1", "2", 1, 3)])], "ValueError: a mistake of ours"),
    ],
    ids=["the venue closed it", "a mistake on the way"],
)
async def test_whoever_waits_is_told_when_nothing_more_is_heard_and_the_next_connection_is_another(
    frames: list[bytes], reason: str
) -> None:
    client = _Client(*URLS)
    client.hear = _mistaken
    connection = client.client(URLS[1])
    waiting = connection.future("trades")

    await received(client, *map(binary, frames))

    with pytest.raises(ccxt.NetworkError, match=reason):
        await waiting
    assert client.client(URLS[1]) is not connection
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


async def test_a_connection_that_is_told_what_was_sent_long_ago_is_as_far_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.exchanges.mexc.stream.CATCHING_UP_S", 0.05)
    market = PublicMarket(*URLS)
    market._client.markets = {}
    (stream,) = market.streams(["BTC/USDT"])
    sent_ms = 1_732_104_090_000
    frame = wire.frame(DEALS + "BTCUSDT", "BTCUSDT", sent_ms, wire.AGGRE_DEALS, b"")

    await received(stream._client, binary(frame))
    assert await market.behind_s(sent_ms + 500) == [(stream, 0.0)], "all that came in was passed on"
    await received(stream._client, binary(frame))
    assert await market.behind_s(sent_ms + 2_501) == [(stream, 2.501)]
    assert await market.behind_s(sent_ms + 2_601) == [], "it may be sent more than it had room for"
    await asyncio.sleep(0.06)
    assert await market.behind_s(sent_ms + 60_000) == [(stream, 0.0)], "nothing more came: it is quiet"

    await received(stream._client, binary(a_frame([("1", "2", 1, 3)])))
    assert await market.behind_s(sent_ms) == [(stream, 0.0)], "one that is not told knows nothing better"
    await received(stream._client, binary(frame))
    assert await market.behind_s(None) == [(stream, 0.0)], "nor one whose venue's time is another"
    await asyncio.gather(market.close(), stream.close())


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


class Socket:
    """One that tells these messages and is closed then."""

    def __init__(self, messages: Sequence[WSMessage]) -> None:
        self._messages = deque(messages)

    @property
    def closed(self) -> bool:
        """Whether there is nothing more to come."""
        return not self._messages

    async def receive(self) -> WSMessage:
        """The next of them."""
        return self._messages.popleft()

    async def close(self) -> None:
        """Nothing more."""
        self._messages.clear()


async def received(client: _Client, *messages: WSMessage) -> None:
    """These come in on the client's connection, which is over then."""
    connection = client.client(URLS[1])
    connection.connection = Socket(messages)
    connection.receive_loop()
    assert client._receiving is not None
    await client._receiving


def _mistaken(symbol: str, prints: list[Print]) -> None:
    raise ValueError("a mistake of ours")
