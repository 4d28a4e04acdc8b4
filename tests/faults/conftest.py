"""The laboratories of the fault tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal

import pytest

from app.simulator.scenario import load
from app.store import Database
from tests.faults.laboratory import SYMBOLS, Laboratory, StillClock
from tests.fixtures.venue import served
from workers.venue import VenueConfig

Make = Callable[..., Laboratory]


@pytest.fixture
def laboratory(sqlite: Database) -> Iterator[Make]:
    """Makes a laboratory whose venue plays the shipped scenario of this number; without one all is well."""
    with laboratories(sqlite) as made:
        yield made


@pytest.fixture
def laboratory_on_each(database: Database) -> Iterator[Make]:
    """The same on SQLite and on PostgreSQL."""
    with laboratories(database) as made:
        yield made


@contextmanager
def laboratories(database: Database) -> Iterator[Make]:
    """Makes them over a database; each is closed at the end."""
    with ExitStack() as stack:

        def made(number: str = "") -> Laboratory:
            config = VenueConfig(
                market="idle",
                symbols=SYMBOLS,
                weight_limit=0,
                balances={"USDT": Decimal(10_000)},
                scenario=load(number) if number else None,
            )
            clock = StillClock()
            one = Laboratory(stack.enter_context(served(config, real=clock.us)), database, clock)
            stack.callback(lambda: one.close())
            return one

        yield made
