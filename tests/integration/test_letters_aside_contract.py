"""Redis keeps the dead letters that the database could not take."""

import pytest
import redis

from app.bus import Keys, LettersAside
from tests.contracts.letters_aside import MOST, LettersAsideContract


class TestLettersAside(LettersAsideContract):
    @pytest.fixture
    def aside(self, redis_client: "redis.Redis", keys: Keys) -> LettersAside:
        return LettersAside(redis_client, keys, most=MOST)
