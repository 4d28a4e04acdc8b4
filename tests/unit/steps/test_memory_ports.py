"""The ports in memory keep the contracts that the real ones keep, so that what runs on them means something."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.market import Bar, Tick, microseconds
from app.steps.ports import ClockSkews, OutdatedHistories, Windows
from tests.contracts.account import AccountContract, AccountUnderTest
from tests.contracts.letters_aside import MOST, LettersAsideContract
from tests.contracts.market import MarketContract, MarketUnderTest
from tests.contracts.outdated import OutdatedContract
from tests.contracts.reruns import RerunsContract, RerunsUnderTest
from tests.contracts.skews import ClockSkewsContract
from tests.contracts.trading import TradingContract, VenueUnderTest
from tests.contracts.windows import Given, WindowsContract
from tests.fixtures.fakes import MemoryFarm, MemoryLettersAside
from tests.fixtures.memory.builders import BTC, NOON, an_instrument, some_bars
from tests.fixtures.memory.worker import MemoryReruns, Message


class TestTrading(TradingContract):
    @pytest.fixture
    def desk(self, memory: MemoryFarm) -> VenueUnderTest:
        return VenueUnderTest(memory.trading, memory.now)


class TestAccount(AccountContract):
    @pytest.fixture
    def venue_account(self, memory: MemoryFarm) -> AccountUnderTest:
        return AccountUnderTest(memory.venue_account, VenueUnderTest(memory.trading, memory.now))


class TestMarket(MarketContract):
    @pytest.fixture
    def venue_market(self, memory: MemoryFarm) -> MarketUnderTest:
        memory.market.listed = [an_instrument()]
        memory.market.past = [*some_bars(9, "1m"), *some_bars(9, "1s")]
        memory.market.turnover = {BTC: Decimal(1)}
        first_us = microseconds(NOON - timedelta(minutes=1))
        memory.market.printed = [Tick(BTC, first_us + second * 1_000_000, 100, 1, "buy") for second in range(60)]
        return MarketUnderTest(memory.market, BTC, NOON)


class TestOutdated(OutdatedContract):
    @pytest.fixture
    def outdated(self, memory: MemoryFarm) -> OutdatedHistories:
        return memory.outdated


class TestWindows(WindowsContract):
    @pytest.fixture
    def given(self, memory: MemoryFarm) -> Given:
        def over(bars: Sequence[Bar]) -> Windows:
            memory.bars.save(bars)
            return memory.windows

        return over


class TestLettersAside(LettersAsideContract):
    @pytest.fixture
    def aside(self) -> MemoryLettersAside:
        return MemoryLettersAside(most=MOST)


class TestClockSkews(ClockSkewsContract):
    """How far the venue's clock was."""

    @pytest.fixture
    def skews(self, memory: MemoryFarm) -> ClockSkews:
        return memory.skews


class TestReruns(RerunsContract):
    @pytest.fixture
    def reruns(self, memory: MemoryFarm) -> RerunsUnderTest:
        port = MemoryReruns(memory)
        return RerunsUnderTest(
            port, lambda: [as_sent(one) for one in port.queue], lambda: setattr(port, "is_away", True)
        )


def as_sent(one: Message) -> dict[str, object]:
    return {
        "task": one.name,
        "args": one.args,
        "id": one.task_id,
        "root_id": one.root_id,
        "parent_id": one.parent_id or None,
        "cdb_correlation_id": one.correlation_id,
        "cdb_rerun": one.run,
        "chain": one.chain or None,
    }
