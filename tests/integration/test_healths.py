"""How services say that they are, kept in a real Redis."""

from datetime import timedelta

import pytest
import redis

from app.bus import Healths, Keys
from tests.fixtures.memory.builders import NOON

WELL = {"service": "risk", "healthy": True, "reason": None}
ILL = {"service": "risk", "healthy": False, "reason": "books: never compared"}


@pytest.fixture
def healths(redis_client: "redis.Redis", keys: Keys) -> Healths:
    """Of one farm."""
    return Healths(redis_client, keys)


def said(healths: Healths, after_s: float = 0) -> list[tuple[str, str, str]]:
    return [(one.service, one.host, one.reason) for one in healths.read(NOON + timedelta(seconds=after_s))]


def test_each_service_of_each_machine_says_how_it_is(healths: Healths) -> None:
    healths.write("risk", "two", ILL, NOON)
    healths.write("risk", "one", WELL, NOON)

    assert said(healths) == [("risk", "one", ""), ("risk", "two", "books: never compared")]
    assert [one.is_well for one in healths.read(NOON)] == [True, False]


def test_the_last_word_counts(healths: Healths) -> None:
    healths.write("risk", "one", ILL, NOON)
    healths.write("risk", "one", WELL, NOON)

    assert said(healths) == [("risk", "one", "")]


def test_whoever_has_fallen_silent_is_not_well(healths: Healths) -> None:
    healths.write("risk", "one", WELL, NOON)

    assert said(healths, after_s=30) == [("risk", "one", "")]
    assert said(healths, after_s=31) == [("risk", "one", "nothing was heard of it since 2024-11-20 12:00:00 UTC")]


def test_whoever_has_ended_as_it_should_is_not_missed(healths: Healths) -> None:
    healths.write("risk", "one", WELL, NOON)

    healths.leave("risk", "one")
    healths.leave("risk", "another")

    assert said(healths, after_s=99) == []
