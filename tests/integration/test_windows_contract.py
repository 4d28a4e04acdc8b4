"""Windows kept in Redis do what every source of windows does."""

from collections.abc import Sequence

import pytest
import redis

from app.bus import Keys, Windows
from app.domain.market import Bar
from tests.contracts.windows import Given, WindowsContract
from tests.fixtures.fakes import MemoryFarm


class TestWindows(WindowsContract):
    @pytest.fixture
    def given(self, memory: MemoryFarm, redis_client: "redis.Redis", keys: Keys) -> Given:
        def over(bars: Sequence[Bar]) -> Windows:
            memory.bars.save(bars)
            return Windows(redis_client, keys, memory.bars, keep=20)

        return over
