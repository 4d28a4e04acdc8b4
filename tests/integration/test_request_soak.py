"""Everything a farm asks of a venue at once, as fast as it may, in sixty symbols; the windows are a tenth of MEXC's.

Processes of their own do what the workers on orders and upkeep and the feed do: entries, exits, settlements, looks,
reconciliations, bars. `make soak` does it with a whole farm, for as long as one likes.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app import decisions, wiring
from app.domain.errors import RateLimited
from app.domain.market import microseconds
from app.simulator.catalogue import symbols
from app.store import migrate
from models import ExecutionRow, OrderRow
from models.orders import LIVE
from tasks import upkeep
from tests.fixtures._farm_askers import BUDGET, TENTH
from tests.fixtures._forks import Program
from tests.fixtures.farm import configured
from tests.fixtures.venue import ServedVenue, served
from tests.fixtures.workers import ROOT
from workers.venue import VenueConfig

COUNT = 60
SOAK_S = 12
GRANTED = 125  # a quarter of what MEXC documents, as the farm's budget is: it must be easy to ask for too much
KINDS = ("entries", "entries", "exits", "books", "data")
ENDED_S = 90  # also on a machine that has other things to do
STARVED_S = 30  # the exit that waits longest; a window of the limiter is 1.2 s

pytestmark = pytest.mark.timeout(300)


@dataclass
class Soak:
    """Who asks, and what they have printed in the end, by kind."""

    venue: ServedVenue
    folder: Path
    settings: dict[str, str]
    askers: list[tuple[str, Program, Path]] = field(default_factory=list)

    def begin(self, seconds: float = SOAK_S) -> None:
        """All at once."""
        for number, kind in enumerate(KINDS):
            out = self.folder / f"{number}-{kind}.txt"
            env = {**os.environ, **self.settings}
            program = Program("tests.fixtures._farm_askers", kind, str(seconds), folder=ROOT, env=env, out=out)
            self.askers.append((kind, program, out))

    def end(self) -> dict[str, list[dict[str, Any]]]:
        """When everybody has done all that he began."""
        found: dict[str, list[dict[str, Any]]] = {}
        for kind, program, out in self.askers:
            assert program.wait(SOAK_S + ENDED_S) == 0, out.read_text()
            found.setdefault(kind, []).append(json.loads(out.read_text().splitlines()[-1]))
        return found

    def limited(self) -> dict[str, int]:
        """What the venue refused because it was too much."""
        limited: dict[str, int] = self.venue.status()["limited"]
        return limited

    def counted(self, what: str) -> int:
        """By the farm."""
        return wiring.counters().all().get(what, 0)


@contextmanager
def soak(
    settings: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch, weight_limit: int = GRANTED
) -> Iterator[Soak]:
    """A farm that has begun at a venue that grants so much in a second."""
    names = symbols(COUNT)
    config = VenueConfig(
        market="idle",
        symbols=names,
        balances={"USDT": Decimal(100_000)},
        weight_limit=weight_limit,
        weight_window_s=10 / TENTH,
    )
    monkeypatch.setattr(decisions, "request_budget", lambda settings: (BUDGET, len(KINDS) + 1))
    with served(config) as venue:
        own = {
            **settings,
            "CDB_EXCHANGE_REST_URL": venue.rest_url,
            "CDB_EXCHANGE_WS_URL": venue.ws_url,
            "CDB_SYMBOLS": ",".join(names),
            "CDB_POSITION_SHARE": "0.004",
            "CDB_RECONCILE_S": str(30 / TENTH),
            "CDB_RECONCILE_ALL_S": "10",
            "CDB_RISK__COOLDOWN__LIMIT_S": "0",
            "CDB_RISK__STALE_MARKET__LIMIT_S": "3600",
        }
        with configured(own, monkeypatch):
            migrate(wiring.database())
            upkeep.refresh_instruments()
            for name in names:
                venue.tick(name, 100, 100_000)
                now_us = microseconds(wiring.now())
                wiring.redis().hset(wiring.keys().prices, name, f"100.0|{now_us}|{now_us}")
            upkeep.begin()
            yield Soak(venue, folder, own)


def waits_for(found: Callable[[], bool]) -> None:
    """What other processes do."""
    until = time.monotonic() + ENDED_S
    while not found():
        assert time.monotonic() < until
        time.sleep(0.02)


def live() -> int:
    """Orders that have not come to their end."""
    return counted(select(func.count()).select_from(OrderRow).where(text(LIVE)))


def counted(query: Any) -> int:
    with wiring.database().reading() as session:
        return session.scalar(query) or 0


def differences() -> list[str]:
    """What the books and the venue do not agree about, looked at as often as it takes to see all."""
    at = wiring.now()
    progress = wiring.books().read(at).progress
    while progress.wholly(at) < len(progress.traded):
        with suppress(RateLimited):
            upkeep.reconcile(full=True, begun=at.isoformat())
        time.sleep(0.1)
        progress = wiring.books().read(at).progress
    return [one.told for one in wiring.books().read(at).differences]


def test_nobody_is_refused_nobody_starves_and_all_comes_to_its_end(
    farm_settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with soak(farm_settings, tmp_path, monkeypatch) as one:
        one.begin()
        done = one.end()

        assert one.limited() == {}
        assert (one.counted("answers_429"), one.counted("answers_418")) == (0, 0)
        assert one.counted("requests_waited") > 0  # or it was no soak
        assert {kind: [told["done"] > 0 for told in some] for kind, some in done.items()} == {
            "entries": [True, True],
            "exits": [True],
            "books": [True],
            "data": [True],
        }
        assert done["exits"][0]["longest_s"] < STARVED_S
        assert live() == 0
        assert one.venue.status()["orders"] == counted(select(func.count()).select_from(OrderRow))
        assert counted(select(func.count()).select_from(ExecutionRow)) > 0
        assert differences() == []


def test_a_429_stops_everybody_for_as_long_as_the_venue_wants_and_no_ban_follows(
    farm_settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with soak(farm_settings, tmp_path, monkeypatch) as one:
        one.begin()
        waits_for(lambda: counted(select(func.count()).select_from(ExecutionRow)) > 0)
        one.venue.fail("rate_limited", for_s=1.5, retry_after_s=2)
        waits_for(lambda: one.counted("answers_429") > 0)
        before = counted(select(func.count()).select_from(ExecutionRow))
        waits_for(lambda: counted(select(func.count()).select_from(ExecutionRow)) > before + 1)
        one.end()

        assert one.counted("answers_429") <= len(KINDS)  # what was on its way; nobody has asked after that
        assert (one.limited(), one.counted("answers_418")) == ({}, 0)
        assert live() == 0
        assert differences() == []


def test_a_venue_that_grants_a_fifth_of_what_it_says_refuses_but_bans_nobody(
    farm_settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with soak(farm_settings, tmp_path, monkeypatch, GRANTED // 5) as one:
        one.begin()
        done = one.end()

        assert one.limited().keys() == {"429"}
        assert one.counted("answers_418") == 0
        assert done["exits"][0]["done"] > 0
        assert live() == 0
