"""Redis remembers which histories are outdated."""

import pytest
import redis

from app.bus import Keys, OutdatedHistories
from tests.contracts.outdated import OutdatedContract


class TestOutdated(OutdatedContract):
    @pytest.fixture
    def outdated(self, redis_client: "redis.Redis", keys: Keys) -> OutdatedHistories:
        return OutdatedHistories(redis_client, keys)
