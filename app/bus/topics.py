"""Topics: tells whoever listens what happened, and never makes the farm wait for it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
import redis

from app.bus.keys import Keys
from app.domain.market import instant_text

PAUSE_S = 1.0
WAIT_S = 0.2


class Topics:
    """Publishes `{event_id, timestamp, service, data}`. Give it a client with a short time-out.

    A message that Redis does not take is counted in `lost`; after one, the next second is silent, so that a
    Redis that hangs costs a worker one time-out a second at most.
    """

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self.lost = 0
        self._client = client
        self._keys = keys
        self._silent_until = 0.0

    def __call__(self, topic: str, service: str, data: Mapping[str, Any], at: datetime) -> None:
        if time.monotonic() < self._silent_until:
            self.lost += 1
            return
        event = {"event_id": uuid4().hex, "timestamp": instant_text(at), "service": service, "data": dict(data)}
        try:
            self._client.publish(self._keys.topic(topic), msgspec.json.encode(event, enc_hook=str))
        except redis.RedisError:  # nobody's work depends on a listener
            self.lost += 1
            self._silent_until = time.monotonic() + PAUSE_S


class Listener:
    """Hears topics; whoever reads too slowly is cut off by Redis, and the farm does not wait for him."""

    def __init__(self, client: "redis.Redis", keys: Keys, topics: Sequence[str]) -> None:
        self._client = client
        self._names = {keys.topic(topic).encode(): topic for topic in topics}

    def messages(self, is_enough: Callable[[], bool]) -> Iterator[tuple[str, bytes]]:
        """Topic and JSON of each message from now on; BusError when the connection is lost."""
        client: Any = self._client
        with client.pubsub(ignore_subscribe_messages=True) as heard:
            heard.subscribe(*self._names)
            while not is_enough():
                message: Any = heard.get_message(timeout=WAIT_S)
                if message is not None:
                    yield self._names[message["channel"]], message["data"]
