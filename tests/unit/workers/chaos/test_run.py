"""A run without a farm: what it waits for, how it halts, and when it is at rest."""

from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from app import wiring
from app.domain.risk import TradingState
from tests.fixtures.memory.builders import NOON, a_signal
from tests.fixtures.venue import ServedVenue, served
from workers.chaos import run
from workers.chaos.run import Chaos, course
from workers.chaos.script import Trouble
from workers.supervisor import CannotStart
from workers.venue import VenueConfig

SYMBOLS = ("BTC/USDT", "ETH/USDT")
A_FARM: Any = SimpleNamespace(kept=[])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"FIRST_TRADE_S": 0.2, "CALM_S": 0.0, "CRASH_S": 0.3, "WATCHED_S": 0.0, "REST_S": 0.5}.items():
        monkeypatch.setattr(run, name, seconds)
    monkeypatch.setattr(run, "QUIET_S", 0.0)


@pytest.fixture
def venue(wired: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedVenue]:
    """Two symbols that do not print by themselves; the account is open."""
    with served(VenueConfig(market="idle", symbols=SYMBOLS, weight_limit=0)) as one:
        monkeypatch.setenv("CDB_VENUE_PORT", str(one.address.port))
        wiring.settings.cache_clear()
        wiring.ledger().open_account(Decimal(10_000), NOON)
        yield one


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def chaos(told: list[str]) -> Chaos:
    return Chaos([Trouble(0.0, "fault", "venue", fault={"fault": "no_fills"})], 1, told.append)


async def test_a_farm_that_does_not_trade_cannot_be_troubled(chaos: Chaos, venue: ServedVenue) -> None:
    with pytest.raises(CannotStart, match=r"After 0\.2 s no order was executed"):
        await chaos.run(A_FARM)

    assert not chaos.is_over


async def test_where_nothing_is_held_a_person_halts(
    chaos: Chaos, venue: ServedVenue, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_trades", lambda: True)

    await chaos.run(A_FARM)

    assert chaos.is_over
    assert not chaos.tripped
    assert wiring.reports().summary().trading_state == TradingState.HALTED
    assert venue.status()["ticks_sent"] > 0, "the market crashed"
    assert told[0].strip() == "0.0 s  no_fills"
    assert told[-1] == "the farm is at rest"
    assert chaos.evidence().rested


async def test_where_the_breaker_has_tripped_nobody_needs_to(
    chaos: Chaos, venue: ServedVenue, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_trades", lambda: True)
    wiring.ledger().set_state(TradingState.HALTED, "loss", "breaker", NOON)

    await chaos.run(A_FARM)

    assert chaos.tripped
    assert "the breaker has tripped" in told


async def test_a_farm_with_an_undecided_signal_is_not_at_rest(
    chaos: Chaos, venue: ServedVenue, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_trades", lambda: True)
    wiring.signals().save(a_signal())

    await chaos.run(A_FARM)

    assert told[-1] == "the farm is not at rest after 0.5 s"
    assert not chaos.evidence().rested


def test_a_farm_trades_when_something_was_executed_and_nothing_waits(wired: None) -> None:
    assert not run._trades()


async def test_processed_ticks_are_seen(chaos: Chaos, venue: ServedVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_trades", lambda: True)
    wiring.counters().add(ticks_processed=7)

    await chaos.run(A_FARM)

    assert len(chaos.evidence().progress) == 1


async def test_what_cannot_be_asked_just_now_is_not_so(chaos: Chaos) -> None:
    def away() -> bool:
        raise run.AWAY[0]("it is being restarted")

    assert not await chaos._is(away)


def test_the_course_is_the_markets() -> None:
    price = course(SYMBOLS, 1)

    assert price("BTCUSDT", 1_700_000_000_000) == price("BTCUSDT", 1_700_000_000_000) > price("ETHUSDT", 0)
