"""Topics: tells whoever listens what happened, and never makes the farm wait for it."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
import redis

from app.bus.keys import Keys
from app.domain.market import instant_text

PAUSE_S = 1.0


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
