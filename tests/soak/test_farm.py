"""A whole farm at full speed in sixty symbols, at a venue with its limits on: nobody is refused, nothing grows.

It wants the machine for itself. `make soak SOAK_S=3600` leaves it alone for an hour, on each database.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app.simulator.catalogue import listing, symbols
from app.store import Database
from app.store.partitions import AHEAD_DAYS
from models import ExecutionRow, OrderRow, SignalRow, TradeRow
from models.orders import LIVE
from tests.fixtures.commands import Commands, until
from tests.fixtures.databases import KINDS
from tests.fixtures.venue import ServedVenue, served
from tests.soak import past
from tests.soak.looks import Looks, objections, told
from workers.venue import VenueConfig

SOAK_S = float(os.environ.get("CDB_TEST_SOAK_S", "1800"))
SHORT_S = min(SOAK_S, 300.0)
COUNT = 60
# Twenty ticks a second, of which five move a price: more orders than the venue lets anyone look at the fills of.
EVERY_S, IN_A_MOVE = 0.05, 4
UP = Decimal("1.002")
RETENTION_DAYS = 1
LOST = {"ticks_bad", "ticks_conflated", "ticks_archive_lost", "frames_broken"}
GRANTED = 500  # what MEXC documents, and the farm believes
PATIENCE_S = 240.0
SPEED: dict[str, str] = {
    "CDB_STRATEGIES": "workers.chaos.eager:Strategy",
    "CDB_RISK__COOLDOWN__LIMIT_S": "0",
    "CDB_POSITION_SHARE": "0.004",
    "CDB_WORKERS_ORDERS": "3",
    "CDB_MAX_DAILY_DRAWDOWN": "0.9",
    "CDB_MAX_DAY_LOSS": "0.95",
    "CDB_RECONCILE_ALL_S": "60",
    "CDB_RETENTION_DAYS": str(RETENTION_DAYS),
    "CDB_RETAIN_S": "15",
}

pytestmark = pytest.mark.timeout(SOAK_S + 6 * PATIENCE_S)


class Soak:
    """A farm that trades, and what one can see of it."""

    market: "Restless"

    def __init__(self, cdb: Commands, venue: ServedVenue) -> None:
        self.cdb, self.venue = cdb, venue
        self.process = cdb.start("up")
        self.database = Database(cdb.env.get("CDB_DATABASE_URL", f"sqlite:///{cdb.data_dir}/cdb.sqlite"))

    def waits_for(self, found: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
        until(lambda: found() or self.process.poll() is not None, what, patience_s)
        assert self.process.poll() is None, self.cdb.said

    def count(self, query: Any) -> int:
        with self.database.reading() as session:
            return session.scalar(query) or 0

    def executions(self) -> int:
        return self.count(select(func.count()).select_from(ExecutionRow))

    def goes_on(self) -> None:
        """Trading does."""
        before = self.executions()
        self.waits_for(lambda: self.executions() > before + 10, "more executions")

    def comes_to_rest(self) -> None:
        """No more entries, and every order and signal comes to its end."""
        assert self.cdb.run("halt", "--reason", "the soak is over").returncode == 0
        undecided = select(func.count()).select_from(SignalRow).where(SignalRow.status == "found")
        self.waits_for(lambda: self.count(undecided) == 0, "the last decision")
        self.waits_for(lambda: self.live() == 0, "the end of the last order")

    def live(self) -> int:
        return self.count(select(func.count()).select_from(OrderRow).where(text(LIVE)))

    def traded(self) -> int:
        """In how many symbols."""
        return self.count(select(func.count(TradeRow.symbol.distinct())).where(TradeRow.bought != Decimal(0)))

    def unprotected_s(self) -> float:
        """For how long a position was not left at most that was to be left."""
        with self.database.reading() as session:
            return session.scalar(select(func.max(TradeRow.unprotected_s))) or 0.0

    def ticks(self) -> dict[str, int]:
        """What the venue has sent, and what of it the farm has put into mailboxes, worked through, and kept."""
        counted = self.counters()
        names = ("ticks_received", "ticks_processed", "ticks_archived")
        return {"ticks_sent": self.venue.status()["ticks_sent"], **{name: counted.get(name, 0) for name in names}}

    def hears_no_more(self) -> None:
        """The market falls silent, and all that was sent is worked through and kept."""
        self.market.end()
        self.waits_for(lambda: len(set(self.ticks().values())) == 1, "the last tick")

    def makes_room(self) -> None:
        """Upkeep has dropped what is too old, and made partitions for the next days."""
        self.waits_for(lambda: past.old_rows(self.database, RETENTION_DAYS) == 0, "room where old ticks were")
        if not self.database.is_sqlite:
            self.waits_for(
                lambda: past.partitions(self.database) == past.wanted_partitions(AHEAD_DAYS), "the next partitions"
            )

    def counters(self) -> dict[str, int]:
        counted: dict[str, int] = json.loads(self.cdb.run("status", "--json").stdout)["counters"]
        return counted

    def limited(self) -> dict[str, int]:
        """What the venue refused because it was too much."""
        refused: dict[str, int] = self.venue.status()["limited"]
        return refused

    def close(self) -> None:
        self.database.engine.dispose()


class Restless(threading.Thread):
    """A market that rises and falls so much, one symbol after the other, that there is always something to trade."""

    def __init__(self, venue: ServedVenue, names: Sequence[str]) -> None:
        super().__init__(name="restless", daemon=True)
        self._venue, self._prices = venue, {name: listing(name, rank).opening for rank, name in enumerate(names)}
        self._ended = threading.Event()

    def end(self) -> None:
        """No more ticks."""
        self._ended.set()
        if self.ident is not None:
            self.join()

    def run(self) -> None:
        """Until it is ended."""
        moves = [move for move in (UP, 1 / UP) for _ in range(IN_A_MOVE)]
        for name, move in cycle((name, move) for move in moves for name in self._prices):
            if self._ended.wait(EVERY_S):
                return
            tick = listing(name, 0).tick
            self._venue.tick(name, (self._prices[name] * move).quantize(tick), 1000)


@contextmanager
def soaked(cdb: Commands, weight_limit: int) -> Iterator[Soak]:
    """A farm that has begun to trade at a venue which grants so much."""
    names = symbols(COUNT)
    config = VenueConfig(market="idle", symbols=names, weight_limit=weight_limit)
    with served(config) as venue:
        market = Restless(venue, names)
        cdb.env |= {
            **SPEED,
            "CDB_SYMBOLS": ",".join(names),
            "CDB_EXCHANGE_REST_URL": venue.rest_url,
            "CDB_EXCHANGE_WS_URL": venue.ws_url,
        }
        farm = Soak(cdb, venue)
        try:
            farm.waits_for(lambda: "is up" in cdb.said, "the farm's start", 180)
            farm.market = market  # which is still until now, so that all of it is heard
            market.start()
            farm.waits_for(lambda: farm.executions() > 0, "the first execution")
            yield farm
        finally:
            market.end()
            farm.close()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_grows_or_is_lost_or_refused_however_fast_the_farm_trades(
    kind: str, cdb: Commands, request: pytest.FixtureRequest
) -> None:
    if kind == "postgresql":
        cdb.env["CDB_DATABASE_URL"] = request.getfixturevalue("empty_postgresql")
    with soaked(cdb, GRANTED) as farm:
        looks = Looks(farm.process.pid, cdb.data_dir, farm.database)
        old = past.Past(farm.database, symbols(1)[0])
        looks.start()
        old.start()
        time.sleep(SOAK_S)
        seen = looks.end()
        old.ended.set()
        old.join()
        print(told(seen), f"ticks of days ago that were given: {old.given}", sep="\n")
        assert objections(seen) == []
        assert old.given > 0
        farm.makes_room()

        farm.goes_on()
        farm.waits_for(lambda: farm.traded() > COUNT * 2 // 3, "trades in most symbols")
        farm.hears_no_more()
        counted = farm.counters()
        assert {name: counted.get(name, 0) for name in LOST} == dict.fromkeys(LOST, 0)
        farm.comes_to_rest()

        assert farm.limited() == {}
        assert not {"answers_429", "answers_418"} & farm.counters().keys()
        assert farm.counters()["requests_waited"] > 0  # or it was no soak
        assert farm.unprotected_s() < PATIENCE_S
        assert farm.venue.status()["orders"] <= farm.count(select(func.count()).select_from(OrderRow))
        ended = cdb.run("reconcile", "--json")
        assert (ended.returncode, json.loads(ended.stdout)["differences"]) == (0, []), ended.stderr


def test_one_refusal_stops_all_for_as_long_as_the_venue_wants_and_trading_goes_on(cdb: Commands) -> None:
    with soaked(cdb, GRANTED) as farm:
        farm.venue.fail("rate_limited", for_s=3, retry_after_s=4)
        farm.waits_for(lambda: farm.counters().get("answers_429", 0) > 0, "a refusal")
        farm.goes_on()
        farm.comes_to_rest()

        assert farm.counters()["answers_429"] <= 15  # those that were on their way: as many as there are processes
        assert farm.limited() == {}
        assert "answers_418" not in farm.counters()


def test_a_venue_that_grants_a_fifth_of_what_it_says_bans_nobody(cdb: Commands) -> None:
    with soaked(cdb, GRANTED // 5) as farm:
        time.sleep(SHORT_S)
        farm.goes_on()
        farm.comes_to_rest()

        assert "418" not in farm.limited()
        assert "answers_418" not in farm.counters()
