"""Redis remembers what needs no look, and forgets it in time."""

from datetime import timedelta

import pytest
import redis

from app import bus
from app.bus import Keys, Resting
from app.domain.market import BarClose
from tests.contracts.resting import CLOSES, LATER, SIGNALS, SOON, RestingContract
from tests.fixtures.memory.builders import NOON


class TestSearched(RestingContract):
    @pytest.fixture
    def resting(self, redis_client: "redis.Redis", keys: Keys) -> Resting[BarClose]:
        return bus.searched(redis_client, keys)

    @pytest.fixture
    def things(self) -> list[BarClose]:
        return CLOSES


class TestSentAgain(RestingContract):
    @pytest.fixture
    def resting(self, redis_client: "redis.Redis", keys: Keys) -> Resting[str]:
        return bus.sent_again(redis_client, keys)

    @pytest.fixture
    def things(self) -> list[str]:
        return SIGNALS


def test_what_is_over_is_forgotten(redis_client: "redis.Redis", keys: Keys) -> None:
    searched = bus.searched(redis_client, keys)
    searched.quiet(CLOSES[:2], NOON, until=SOON)
    searched.quiet(CLOSES[2:], LATER, until=LATER + timedelta(seconds=1))

    assert redis_client.zcard(keys.searched) == 1
