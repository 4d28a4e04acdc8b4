"""Redis remembers how far the venue's clock was from ours."""

import pytest
import redis

from app.bus import ClockSkews, Keys
from tests.contracts.skews import ClockSkewsContract


class TestClockSkews(ClockSkewsContract):
    @pytest.fixture
    def skews(self, redis_client: "redis.Redis", keys: Keys) -> ClockSkews:
        return ClockSkews(redis_client, keys)
