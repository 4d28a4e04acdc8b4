"""C10: a Redis that has no memory left refuses every write; orders go on, and what the feed heard is kept."""

import asyncio
import contextlib

import pytest

from app import wiring
from app.bus import Mailboxes, connect
from app.domain.orders import OrderState
from tasks import orders, upkeep
from tasks._base import AWAY
from tests.fixtures.farm import approved
from tests.fixtures.redis_server import OwnRedis
from tests.fixtures.venue import ServedVenue
from workers.outbox import Outbox


def test_c10_orders_are_sent_and_settled_though_nothing_can_be_published(
    own_redis: OwnRedis, begun: ServedVenue
) -> None:
    name = approved()
    assert name is not None
    own_redis.fill()

    orders.place(name)
    orders.settle(name)

    order = wiring.orders().get(name)
    assert (order.state, order.filled) == (OrderState.FILLED, order.amount)
    assert begun.status()["orders"] == 1


def test_c10_what_could_not_be_published_is_sent_by_the_sweep_when_there_is_room(
    own_redis: OwnRedis, begun: ServedVenue
) -> None:
    own_redis.fill()
    assert approved() is not None
    upkeep.sweep()

    own_redis.empty()
    upkeep.sweep()

    with connect(own_redis.url) as client:
        assert client.llen(f"{wiring.settings().redis_prefix}orders") == 1


def test_c10_a_task_that_finds_redis_full_is_tried_again_as_if_it_were_away(own_redis: OwnRedis, wired: None) -> None:
    own_redis.fill()

    with pytest.raises(AWAY):
        wiring.counters().add(ticks_processed=1)


async def test_c10_the_feed_keeps_what_a_full_redis_refuses(own_redis: OwnRedis, wired: None) -> None:
    with connect(own_redis.url) as client:
        mailboxes = Mailboxes(client, wiring.keys(), 1)
        outbox = Outbox(mailboxes, send_drain=lambda shard: None, forgotten=lambda shard: None)
        running = asyncio.create_task(outbox.run())
        own_redis.fill()
        outbox.put("BTC/USDT", [("BTC/USDT", number, 1.0, 1.0, "buy", number) for number in range(100)])
        await asyncio.sleep(0.2)
        assert outbox.waiting == 100

        own_redis.empty()
        async with asyncio.timeout(10):
            while outbox.waiting:
                await asyncio.sleep(0.05)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await outbox.close()
