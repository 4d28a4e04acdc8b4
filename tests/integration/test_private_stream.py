"""The private stream over the simulator: it hastens, catches up after each gap, and never stands in the way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
import redis
from sqlalchemy.exc import SQLAlchemyError
from structlog.testing import capture_logs

import workers.private
from app.bus import Keys, Limiter
from app.domain.errors import Unavailable
from app.domain.orders import OrderState, OrderType, intent_key
from app.domain.rate_limit import Budget
from app.exchanges.mexc import Client, Trading
from app.exchanges.mexc.key_ring import ApiKeys
from app.exchanges.mexc.private import PrivateStream, told_of
from tests.fixtures.fakes import MemoryFarm
from tests.fixtures.memory.builders import BTC, an_order
from tests.fixtures.venue import ServedVenue
from workers.private import Kept, Private

NUMBERS = count()


class Desk:
    """Orders that the venue takes, known in our books, and a private stream beside them."""

    def __init__(self, venue: ServedVenue, memory: MemoryFarm, stream: PrivateStream) -> None:
        self.private = Private(stream, orders=memory.orders, hand_on=memory.hand_on, now=memory.now, pause_s=0.05)
        self.memory, self.stream, self.venue = memory, stream, venue
        client = Client(
            rest_url=venue.rest_url,
            now=lambda: datetime.now(UTC),
            throttle=False,
            keys=venue.keys,
        )
        self.trading = Trading(client)
        self.close = client.session.close
        self.ups = 0

    @property
    def settled(self) -> list[str]:
        return [key for queue, key in self.memory.hand_on.calls if queue == "settle"]

    async def place(self, price: int = 110, *, known: bool = True, kind: OrderType = OrderType.IOC) -> str:
        name, at = intent_key("private", next(NUMBERS)), datetime.now(UTC)
        order = replace(an_order(name), created_at=at, claimed_at=at, price=Decimal(price), type=kind)
        if known:
            self.memory.given(replace(order, state=OrderState.OPEN))
        await asyncio.to_thread(self.trading.submit, order, signed_at=at)
        return name

    async def up(self, times: int = 1) -> None:
        """Until the stream has come up so often."""
        with capture_logs() as logs:
            await until(lambda: sum(one["event"] == "private stream is up" for one in logs) >= times)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


def made(venue: ServedVenue, **changes: Any) -> PrivateStream:
    return PrivateStream(venue.rest_url, venue.ws_url, venue.keys, **changes)


@pytest.fixture
async def desk(venue: ServedVenue, memory: MemoryFarm) -> AsyncIterator[Desk]:
    venue.tick(BTC, 100, 1000)
    one = Desk(venue, memory, made(venue))
    running = asyncio.create_task(one.private.run())
    await one.up()
    yield one
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    one.close()


async def test_a_fill_is_settled_at_once(desk: Desk) -> None:
    name = await desk.place()

    await until(lambda: name in desk.settled)

    assert set(desk.memory.hand_on.delays) == {0}
    assert set(desk.memory.hand_on.correlation_ids) == {"frame-1"}


async def test_an_order_that_only_rests_is_no_news_and_its_cancel_is(desk: Desk) -> None:
    resting = await desk.place(50, kind=OrderType.LIMIT)
    filled = await desk.place()
    await until(lambda: filled in desk.settled)
    assert resting not in desk.settled

    await asyncio.to_thread(desk.trading.cancel, desk.memory.orders.get(resting))

    await until(lambda: resting in desk.settled)


async def test_an_order_that_our_books_do_not_know_is_left_alone(desk: Desk) -> None:
    strange = await desk.place(known=False)
    ours = await desk.place()

    await until(lambda: ours in desk.settled)

    assert strange not in desk.settled


async def test_f23_a_frame_that_is_missing_costs_nothing_but_time(desk: Desk) -> None:
    desk.venue.fail("private_frames_dropped", times=1, path="orders")
    name = await desk.place()

    await until(lambda: name in desk.settled)  # by the frame of its deal


async def test_an_order_and_its_fill_cost_one_look(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers.private, "TOGETHER_S", 1.0)
    name = await desk.place()

    await until(lambda: desk.private.told >= 2 and name in desk.settled)

    assert desk.settled == [name]


async def test_f25_a_frame_that_comes_twice_settles_one_order(desk: Desk) -> None:
    desk.venue.fail("private_frames_doubled")
    name = await desk.place()

    await until(lambda: desk.private.told >= 4 and name in desk.settled)

    assert set(desk.settled) == {name}


async def test_f24_every_live_order_is_asked_for_after_a_reconnect(desk: Desk) -> None:
    desk.venue.fail("private_frames_dropped")
    name = await desk.place()
    approved = replace(an_order("NOT-SENT"), trade_id=2)
    desk.memory.given(approved)
    desk.memory.now.pass_by(seconds=1)
    assert desk.settled == []

    desk.venue.fail("dropped_websocket")

    await until(lambda: desk.settled == [name])


async def test_f21_a_key_that_the_venue_has_forgotten_is_made_anew(desk: Desk) -> None:
    before = desk.stream._key
    desk.venue.fail("listen_key_expired")
    desk.venue.fail("dropped_websocket")
    await desk.up()

    name = await desk.place()

    await until(lambda: name in desk.settled)
    assert desk.stream._key not in (None, before)


async def test_f21_a_key_that_is_dead_when_it_is_dialled_with_is_given_back_and_made_anew(desk: Desk) -> None:
    before = desk.stream._key
    desk.venue.fail("dead_keys_refused")
    desk.venue.fail("listen_key_expired")
    desk.venue.fail("dropped_websocket")
    await desk.up()

    name = await desk.place()

    await until(lambda: name in desk.settled)
    assert desk.stream._key not in (None, before)


async def test_a_door_that_stays_shut_costs_no_keys(venue: ServedVenue) -> None:
    venue.fail("websockets_refused")
    stream = made(venue)

    for _ in range(3):
        with pytest.raises(Unavailable, match="503"):
            await stream.listen(lambda name: None, lambda: None)

    assert await stream._client.spotPrivateGetUserDataStream() == {"listenKey": []}
    await stream.close()


class Mortal:
    """A stream that dies of a mistake the first times, and then is up."""

    deaths = 2

    async def listen(self, hear: Callable[[str], None], opened: Callable[[], None]) -> None:
        if Mortal.deaths:
            Mortal.deaths -= 1
            raise KeyError("listenKey")
        opened()
        await asyncio.Event().wait()

    async def close(self) -> None:
        """There is nothing to close."""


async def test_a_private_stream_that_dies_of_a_mistake_is_told_and_begun_anew(memory: MemoryFarm) -> None:
    ports: dict[str, Any] = {"orders": memory.orders, "hand_on": memory.hand_on, "now": memory.now}
    kept = Kept(lambda: Private(Mortal(), **ports), pause_s=0.01)
    with capture_logs() as logs:
        running = asyncio.create_task(kept.run())
        await until(lambda: kept.is_up)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    told = [one for one in logs if one["event"] == "private stream died, another begins"]
    assert [(one["log_level"], one["exc_info"]) for one in told] == [("error", True)] * 2
    assert not kept.is_up


async def test_hints_that_can_be_handed_on_no_more_are_no_silence(
    venue: ServedVenue, memory: MemoryFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue.tick(BTC, 100, 1000)
    ones: list[Desk] = []

    def make() -> Private:
        ones.append(Desk(venue, memory, made(venue)))
        return ones[-1].private

    kept = Kept(make, pause_s=0.01)
    running = asyncio.create_task(kept.run())
    await until(lambda: kept.is_up)
    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(memory.hand_on, "settle", lambda *told: 1 / 0)
        await ones[0].place()
        await until(lambda: any(one["event"] == "private stream died, another begins" for one in logs))
    await until(lambda: len(ones) > 1 and kept.is_up)

    name = await ones[-1].place()

    await until(lambda: name in ones[-1].settled)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    for one in ones:
        one.close()


async def test_f21_a_key_that_cannot_be_renewed_ends_the_connection(venue: ServedVenue) -> None:
    stream, opened = made(venue, renew_s=0.2), asyncio.Event()
    listening = asyncio.create_task(stream.listen(lambda name: None, opened.set))
    await opened.wait()
    await asyncio.sleep(0.5)
    assert not listening.done()  # it was renewed twice by now

    venue.fail("listen_key_expired")

    with pytest.raises(Unavailable):
        await asyncio.wait_for(listening, 5)
    assert stream._key is None
    await stream.close()


async def test_f22_a_stream_that_is_silent_is_taken_for_dead(venue: ServedVenue) -> None:
    stream = made(venue, silent_s=0.3, ping_s=0.1)
    listening = asyncio.create_task(stream.listen(lambda name: None, lambda: None))
    await asyncio.sleep(0.6)
    assert not listening.done()  # pings are answered

    venue.fail("silent_websocket")

    with pytest.raises(Unavailable):
        await asyncio.wait_for(listening, 5)
    await stream.close()


async def test_it_asks_for_its_key_through_the_limiter(
    venue: ServedVenue, redis_client: "redis.Redis", keys: Keys
) -> None:
    stream = made(venue, limiter=Limiter(redis_client, keys, "venue", Budget(100), processes=1))
    up = asyncio.Event()
    listening = asyncio.create_task(stream.listen(lambda name: None, up.set))
    await asyncio.wait_for(up.wait(), 5)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await stream.close()

    assert redis_client.exists(keys.spent("venue", "GET time"), keys.spent("venue", "POST userDataStream")) == 2


async def test_a_key_that_gets_no_turn_for_its_renewal_is_given_up(
    venue: ServedVenue, redis_client: "redis.Redis", keys: Keys
) -> None:
    limiter = Limiter(redis_client, keys, "venue", Budget(100), processes=1)
    stream = made(venue, renew_s=0.1, limiter=limiter)

    with pytest.raises(Unavailable, match="ended"):
        await asyncio.wait_for(stream.listen(lambda name: None, lambda: limiter.pause(3600, 418)), 5)

    assert stream._key is None
    await stream.close()


async def test_a_refused_subscription_is_tried_again(venue: ServedVenue) -> None:
    venue.fail("refused_subscription", times=2)
    stream = made(venue)

    with pytest.raises(Unavailable, match="refused"):
        await asyncio.wait_for(stream.listen(lambda name: None, lambda: None), 5)

    await stream.close()


async def test_a_venue_that_is_not_there_is_tried_again(memory: MemoryFarm) -> None:
    stream = PrivateStream("http://127.0.0.1:1", "ws://127.0.0.1:1/ws", lambda: ApiKeys("key", "secret"))
    with capture_logs() as logs:
        running = asyncio.create_task(
            Private(stream, orders=memory.orders, hand_on=memory.hand_on, now=memory.now, pause_s=0.01).run()
        )
        await until(lambda: len(logs) > 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert {one["event"] for one in logs} == {"private stream is down, the poll goes on"}


async def test_f33_a_database_that_is_away_loses_hints_and_nothing_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(name: str) -> None:
        raise SQLAlchemyError("away")

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(desk.memory.orders, "get", away)
        await desk.place()
        await until(lambda: any(one["event"].startswith("hints got lost") for one in logs))

    name = await desk.place()
    await until(lambda: name in desk.settled)


def test_what_is_no_frame_tells_nothing() -> None:
    assert told_of(b"\xff\xff") is None
    assert told_of(b"") is None


async def test_hints_beyond_what_may_wait_are_left_to_the_poll(
    memory: MemoryFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.private.MOST", 1)
    stream = PrivateStream("http://127.0.0.1:1", "ws://127.0.0.1:1/ws", lambda: ApiKeys("key", "secret"))
    private = Private(stream, orders=memory.orders, hand_on=memory.hand_on, now=memory.now)
    private._hear("ONE")
    private._hear("TWO")

    assert (private.told, list(private._waiting)) == (2, ["ONE"])
    await stream.close()
