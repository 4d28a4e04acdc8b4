"""Redis remembers which closes need no search, and forgets them in time."""

from datetime import timedelta

import pytest
import redis

from app.bus import Keys, Searched
from tests.contracts.searched import CLOSES, LATER, SOON, SearchedContract
from tests.fixtures.memory.builders import NOON


class TestSearched(SearchedContract):
    @pytest.fixture
    def searched(self, redis_client: "redis.Redis", keys: Keys) -> Searched:
        return Searched(redis_client, keys)


def test_what_is_over_is_forgotten(redis_client: "redis.Redis", keys: Keys) -> None:
    searched = Searched(redis_client, keys)
    searched.quiet(CLOSES[:2], NOON, until=SOON)
    searched.quiet(CLOSES[2:], LATER, until=LATER + timedelta(seconds=1))

    assert redis_client.zcard(keys.searched) == 1
