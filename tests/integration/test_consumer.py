"""A worker whose broker goes away while it holds messages, on a real Redis."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from celery import Celery, _state
from celery.signals import worker_init
from celery.utils.imports import qualname
from kombu import Exchange, Queue
from kombu.message import Message

from app.bus import connect
from tasks._consumer import Consumer
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.redis_server import start_redis, stop_redis

pytestmark = pytest.mark.filterwarnings("ignore::celery.exceptions.CPendingDeprecationWarning")  # of Celery's own


class Broker:
    """A Redis that can be taken away, and a consumer that holds one message of it."""

    def __init__(self, server: "subprocess.Popen[bytes]", url: str) -> None:
        self.server, self.url = server, url
        self._app = Celery(set_as_current=False, broker=f"redis+socket://{urlsplit(self.url).path}")
        self._app.conf.worker_consumer = qualname(Consumer)
        controller: Any = self._app.WorkController(pool="solo")
        self.consumer: Any = controller.consumer

    def hold_a_message(self) -> None:
        """As a worker does: one delivered and not acknowledged, a poll for the next one, and a box for commands."""
        consumer = self.consumer
        self._app.send_task("a.task")
        consumer.connection = consumer.connect()
        consumer.task_consumer = self._app.amqp.TaskConsumer(consumer.connection, on_message=self._received)
        consumer.task_consumer.qos(prefetch_count=1)
        consumer.task_consumer.consume()
        consumer.connection.drain_events(timeout=PATIENCE_S)
        commands = Queue("commands", Exchange("commands", type="fanout"), auto_delete=True)
        self._app.amqp.Consumer(consumer.connection.channel(), [commands]).consume()
        consumer.connection.default_channel._brpop_start()

    def held(self) -> tuple[int, int]:
        """How many messages wait, and how many are with a worker."""
        with connect(self.url) as client:
            return int(client.llen("celery")), int(client.hlen("unacked"))

    def _received(self, message: Message) -> None:
        self.message = message


@pytest.fixture
def broker(wired: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    monkeypatch.setattr(worker_init, "receivers", [])  # this process is no worker, and becomes none
    folder = Path(tempfile.mkdtemp(prefix="cdb-", dir="/tmp"))
    server, url = start_redis(folder)
    try:
        yield Broker(server, url)
    finally:
        state: Any = _state
        state._set_task_join_will_block(False)
        stop_redis(server)
        shutil.rmtree(folder)


def test_a_worker_outlives_a_redis_that_dies_while_messages_are_not_acknowledged(broker: Broker) -> None:
    broker.hold_a_message()
    stop_redis(broker.server)

    broker.consumer.on_connection_error_after_connected(redis.ConnectionError("gone"))

    assert broker.consumer.connection is None


@pytest.mark.parametrize("end", ["ack", "reject", "requeue"])
def test_a_worker_outlives_the_end_of_a_task_that_it_took_from_a_connection_that_is_gone(
    broker: Broker, end: str
) -> None:
    broker.hold_a_message()
    stop_redis(broker.server)
    broker.consumer.on_connection_error_after_connected(redis.ConnectionError("gone"))

    getattr(broker.message, end)()

    assert broker.message.acknowledged


def test_what_is_not_acknowledged_is_not_sent_a_second_time_because_a_connection_was_cut(broker: Broker) -> None:
    broker.hold_a_message()
    assert broker.held() == (0, 1)

    broker.consumer.on_connection_error_after_connected(redis.ConnectionError("cut"))

    assert broker.held() == (0, 1)


def test_a_connection_that_is_lost_before_anything_was_consumed_is_let_go(broker: Broker) -> None:
    broker.consumer.connection = broker.consumer.connect()

    broker.consumer.on_connection_error_after_connected(redis.ConnectionError("gone"))

    assert broker.consumer.connection is None
