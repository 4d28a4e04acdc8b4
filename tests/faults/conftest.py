"""The laboratory of the fault tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal

import pytest

from app.simulator.scenario import load
from app.store import Database
from tests.faults.laboratory import SYMBOLS, Laboratory, StillClock
from tests.fixtures.venue import served
from workers.venue import VenueConfig


@pytest.fixture
def laboratory(sqlite: Database) -> Iterator[Callable[[str], Laboratory]]:
    """Makes a laboratory whose venue plays the shipped scenario of this number; without one all is well."""
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
            one = Laboratory(stack.enter_context(served(config, real=clock.us)), sqlite, clock)
            stack.callback(lambda: one.close())
            return one

        yield made
