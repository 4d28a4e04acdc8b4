"""Troubles strike real processes, a real Redis and a real venue."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import pytest_asyncio

from app import wiring
from tests.fixtures.venue import ServedVenue
from workers.chaos.script import Trouble
from workers.chaos.trouble import Troublemaker
from workers.supervisor import Kept, Logs, Service, Supervisor

PARENT = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', '{0}']); {0}"
SLEEPS = "import time; time.sleep(60)"


async def until(found: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 10
    while not found():
        assert time.monotonic() < deadline, f"{what} did not happen"
        await asyncio.sleep(0.02)


def children(kept: Kept) -> list[psutil.Process]:
    assert kept.pid is not None
    return psutil.Process(kept.pid).children()


def status(kept: Kept) -> str:
    assert kept.pid is not None
    return psutil.Process(kept.pid).status()


@pytest_asyncio.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Kept]:
    """A service with a child."""
    command = (sys.executable, "-c", f"{PARENT.format(SLEEPS)}")
    supervisor = Supervisor([Service("ticks", command)], Logs(tmp_path))
    await supervisor.start(10)
    yield supervisor.kept[0]
    await supervisor.stop()


@pytest.fixture
def maker(worker: Kept, venue: ServedVenue, wired: None, monkeypatch: pytest.MonkeyPatch) -> Troublemaker:
    """Of a farm with one worker, a venue and a Redis."""
    monkeypatch.setenv("CDB_VENUE_PORT", str(venue.address.port))
    wiring.settings.cache_clear()
    wiring.venue_control.cache_clear()
    farm: Any = SimpleNamespace(kept=[worker])
    return Troublemaker(farm, seed=1)


async def test_a_service_is_killed_and_the_kill_is_told(worker: Kept, maker: Troublemaker) -> None:
    before = worker.pid

    await maker.make(Trouble(0, "kill", "ticks"))

    await until(lambda: worker.restarts == 1 and worker.pid not in (None, before), "the restart")
    assert [kill.service for kill in maker.kills] == ["ticks"]
    assert maker.missed == 0


async def test_a_child_is_killed_and_its_parent_lives(worker: Kept, maker: Troublemaker) -> None:
    await until(lambda: bool(children(worker)), "the child's start")
    (child,) = children(worker)
    before = worker.pid

    await maker.make(Trouble(0, "kill", "ticks", "child"))

    await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the child's end")
    assert worker.pid == before


async def test_a_pause_ends_by_itself(worker: Kept, maker: Troublemaker) -> None:
    await maker.make(Trouble(0, "pause", "ticks", for_s=0.3))

    await until(lambda: status(worker) == psutil.STATUS_STOPPED, "the pause")
    await until(lambda: status(worker) != psutil.STATUS_STOPPED, "the end of the pause")


async def test_at_the_end_nothing_is_paused_and_the_venue_is_well(
    worker: Kept, maker: Troublemaker, venue: ServedVenue
) -> None:
    await maker.make(Trouble(0, "pause", "ticks", for_s=60))
    await maker.make(Trouble(0, "fault", "venue", fault={"fault": "no_fills"}))
    assert venue.tell("faults", method="GET")["faults"]

    await maker.end()

    await until(lambda: status(worker) != psutil.STATUS_STOPPED, "the end of the pause")
    assert venue.tell("faults", method="GET") == {"faults": []}


async def test_what_was_killed_while_it_was_paused_needs_no_waking(worker: Kept, maker: Troublemaker) -> None:
    await maker.make(Trouble(0, "pause", "ticks", for_s=60))
    await maker.make(Trouble(0, "kill", "ticks"))
    await until(lambda: worker.restarts == 1 and worker.pid is not None, "the restart")

    await maker.end()


async def test_redis_forgets_everything_when_it_is_flushed(maker: Troublemaker) -> None:
    wiring.counters().add(ticks_processed=7)

    await maker.make(Trouble(0, "flush", "redis"))

    assert wiring.counters().all() == {}


async def test_a_trouble_that_finds_nobody_is_counted(worker: Kept, maker: Troublemaker) -> None:
    await maker.make(Trouble(0, "kill", "ticks"))
    await until(lambda: worker.pid is None, "the end")
    await maker.make(Trouble(0, "kill", "ticks"))

    assert maker.missed == 1
    assert len(maker.kills) == 1


async def test_a_worker_without_children_cannot_lose_one(tmp_path: Path, wired: None) -> None:
    supervisor = Supervisor([Service("ticks", (sys.executable, "-c", SLEEPS))], Logs(tmp_path))
    await supervisor.start(10)
    farm: Any = SimpleNamespace(kept=supervisor.kept)
    maker = Troublemaker(farm, seed=1)
    try:
        await maker.make(Trouble(0, "kill", "ticks", "child"))
    finally:
        await supervisor.stop()

    assert (maker.missed, maker.kills) == (1, [])
