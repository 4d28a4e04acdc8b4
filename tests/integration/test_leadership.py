"""Of several processes of a service one leads, over a real Redis; the others stand by, and one takes over."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

from app import wiring
from app.bus import Keys, Leadership, Mailboxes, Pushed
from app.celery import farm
from app.store import migrate
from tasks._scheduler import OneScheduler
from tests.fixtures._patience import PATIENCE_S
from tests.fixtures.venue import ServedVenue
from tests.unit.workers.test_outbox import until
from workers import lead as leading
from workers.lead import Deposed, lead
from workers.ports import NO_METRICS

LONG_MS = 60_000
TICK = ("BTC/USDT", 1, 1.0, 1.0, "buy", 1)


@pytest.fixture
def candidate(redis_client: "redis.Redis", keys: Keys) -> Callable[..., Leadership]:
    """One who would lead."""

    def made(lease_ms: int = LONG_MS, service: str = "feed") -> Leadership:
        return Leadership(redis_client, keys, service, lease_ms)

    return made


Candidate = Callable[..., Leadership]


def test_the_first_leads_and_the_second_is_told_who_does(candidate: Candidate) -> None:
    first, second = candidate(), candidate()

    assert first.hold() is None
    assert first.hold() is None
    assert second.hold() == f"{gethostname()} {os.getpid()}"


def test_services_have_leaders_of_their_own(candidate: Candidate) -> None:
    assert candidate().hold() is None
    assert candidate(service="beat").hold() is None


def test_who_resigns_is_followed_at_once_and_cannot_resign_for_another(candidate: Candidate) -> None:
    first, second = candidate(), candidate()
    first.hold()

    first.resign()
    assert second.hold() is None

    first.resign()
    assert first.hold() is not None


def test_who_does_not_hold_the_lead_any_more_loses_it(candidate: Candidate) -> None:
    first, second = candidate(50), candidate()
    first.hold()
    time.sleep(0.1)

    assert second.hold() is None
    assert first.hold() is not None


def test_who_was_killed_on_this_machine_is_followed_at_once(candidate: Candidate, redis_url: str, keys: Keys) -> None:
    code = f"""if True:
        import time
        from app.bus import Keys, Leadership, connect
        print(Leadership(connect({redis_url!r}), Keys({keys.prefix!r}), "feed", {LONG_MS}).hold(), flush=True)
        time.sleep(600)
    """
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "None\n"
        assert candidate().hold() is not None
        holder.kill()

    assert candidate().hold() is None


def test_who_was_killed_on_another_machine_is_followed_when_the_lease_has_run_out(
    candidate: Candidate, redis_client: "redis.Redis", keys: Keys
) -> None:
    redis_client.set(keys.leader("feed"), "another-boot.1|999999999|far|token", px=100)
    here = candidate()

    assert here.hold() == "far 999999999"
    time.sleep(0.15)
    assert here.hold() is None


def test_only_who_leads_can_push(candidate: Candidate, redis_client: "redis.Redis", keys: Keys) -> None:
    first, second = candidate(), candidate()
    first.hold()
    boxes = {one: Mailboxes(redis_client, keys, 1, leads=one) for one in (first, second)}

    assert boxes[first].push({0: [TICK]})[0].taken
    assert boxes[second].push({0: [TICK]}) == {0: Pushed(taken=False, armed=False, total=1)}

    first.resign()
    second.hold()
    assert not boxes[first].push({0: [TICK]})[0].taken
    assert boxes[second].push({0: [TICK]})[0].total == 2


def test_after_a_flush_nobody_pushes_until_somebody_leads(
    candidate: Candidate, redis_client: "redis.Redis", keys: Keys
) -> None:
    leads = candidate()
    leads.hold()
    boxes = Mailboxes(redis_client, keys, 1, leads=leads)
    redis_client.flushall()

    assert not boxes.push({0: [TICK]})[0].taken
    leads.hold()
    assert boxes.push({0: [TICK]})[0].taken


class Work:
    """Goes on until it is cancelled, or ends as it is told to."""

    def __init__(self, end: Exception | None = None) -> None:
        self.begun = self.ended = 0
        self.end = end

    async def __call__(self) -> None:
        self.begun += 1
        try:
            if self.end is None:
                await asyncio.sleep(600)
            else:
                raise self.end
        finally:
            self.ended += 1


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading, "HOLD_S", 0.02)
    monkeypatch.setattr(leading, "LOOK_S", 0.02)


async def test_work_begins_when_the_one_before_ends(candidate: Candidate, quick: None) -> None:
    first, second, works = candidate(), candidate(), (Work(), Work())
    leader = asyncio.create_task(lead(first, works[0]))
    await until(lambda: works[0].begun == 1)
    with capture_logs() as logs:
        standby = asyncio.create_task(lead(second, works[1]))
        await until(lambda: any(line["event"] == "stands by" for line in logs))
    assert works[1].begun == 0

    leader.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await leader
    assert works[0].ended == 1

    await until(lambda: works[1].begun == 1)
    standby.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await standby
    assert candidate().hold() is None


async def test_who_loses_the_lead_stops_and_says_so(
    candidate: Candidate, quick: None, redis_client: "redis.Redis", keys: Keys
) -> None:
    work = Work()
    leader = asyncio.create_task(lead(candidate(), work))
    await until(lambda: work.begun == 1)

    redis_client.set(keys.leader("feed"), "another-boot.1|7|far|token")

    with pytest.raises(Deposed, match="another feed leads now: far 7"):
        await leader
    assert work.ended == 1
    assert redis_client.get(keys.leader("feed")) == b"another-boot.1|7|far|token"


async def test_an_error_of_the_work_is_the_callers_and_the_lead_is_free(candidate: Candidate, quick: None) -> None:
    with pytest.raises(ValueError, match="broken"):
        await lead(candidate(), Work(ValueError("broken")))

    assert candidate().hold() is None


class Away:
    """Redis does not answer, so many times."""

    def __init__(self, leads: Leadership) -> None:
        self.service, self.leads, self.times = leads.service, leads, 0

    def hold(self) -> str | None:
        self._ask()
        return self.leads.hold()

    def resign(self) -> None:
        self._ask()
        self.leads.resign()

    def _ask(self) -> None:
        if self.times:
            self.times -= 1
            raise redis.ConnectionError("away")


async def test_redis_that_is_away_takes_the_lead_from_nobody(candidate: Candidate, quick: None) -> None:
    leads, work = Away(candidate()), Work()
    leads.times = 2
    leader = asyncio.create_task(lead(leads, work))
    await until(lambda: work.begun == 1)
    leads.times = 2
    await until(lambda: leads.times == 0)
    assert work.ended == 0

    leads.times = 1_000_000
    leader.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await leader
    assert work.ended == 1


class Noted(OneScheduler):
    """Beat's, that writes down what it would send; everything is long due."""

    def __init__(self, path: Path) -> None:
        self.sent: list[str] = []
        super().__init__(app=farm, schedule_filename=str(path))
        for entry in self.schedule.values():
            entry.last_run_at = datetime(2020, 1, 1, tzinfo=UTC)

    def apply_entry(self, entry: Any, producer: object = None) -> None:
        self.sent.append(entry.name)


@pytest.fixture
def scheduler(wired: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Noted:
    """It asks for the lead each time."""
    monkeypatch.setattr("tasks._scheduler.HOLD_S", 0.0)
    return Noted(tmp_path / "schedule")


def test_beat_sends_while_it_leads_and_nothing_while_another_does(scheduler: Noted) -> None:
    other = wiring.leadership("beat", LONG_MS)
    other.hold()

    scheduler.tick()
    assert scheduler.sent == []

    other.resign()
    scheduler.tick()
    assert len(scheduler.sent) == 1

    scheduler.close()
    assert other.hold() is None


def test_beat_says_once_that_it_leads_and_asks_again_after_a_while(
    scheduler: Noted, monkeypatch: pytest.MonkeyPatch
) -> None:
    with capture_logs() as logs:
        scheduler.tick()
        scheduler.tick()
    assert [line["event"] for line in logs] == ["leads"]

    monkeypatch.setattr("tasks._scheduler.HOLD_S", 600.0)
    wiring.redis().set(wiring.keys().leader("beat"), "another-boot.1|7|far|token")
    scheduler.tick()
    assert len(scheduler.sent) == 3

    monkeypatch.setattr("tasks._scheduler.HOLD_S", 0.0)
    scheduler.tick()
    assert len(scheduler.sent) == 3


def test_beat_goes_on_as_it_was_while_redis_does_not_answer(scheduler: Noted) -> None:
    away = Away(wiring.leadership("beat", LONG_MS))
    scheduler._leads = away  # type: ignore[assignment]

    away.times = 1
    scheduler.tick()
    assert scheduler.sent == []

    scheduler.tick()
    away.times = 1
    scheduler.tick()
    assert len(scheduler.sent) == 2

    away.times = 1
    scheduler.close()
    assert wiring.leadership("beat", LONG_MS).hold() is not None


@pytest.fixture
def feed(wired: None, farm_settings: dict[str, str], venue: ServedVenue) -> Iterator[Callable[[], "Feed"]]:
    """Starts one more feed of this farm, as a process."""
    migrate(wiring.database())
    heard = {"CDB_EXCHANGE_REST_URL": venue.rest_url, "CDB_EXCHANGE_WS_URL": venue.ws_url, "CDB_SYMBOLS": "BTC/USDT"}
    settings = {**os.environ, **farm_settings, **NO_METRICS, **heard}
    started: list[Feed] = []

    def start() -> Feed:
        started.append(Feed(settings, wiring.settings().data_dir / f"feed{len(started)}.log"))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


class Feed:
    """A process."""

    def __init__(self, settings: dict[str, str], path: Path) -> None:
        self.path = path
        with path.open("w") as out:
            command = [sys.executable, "-m", "app.cli", "feed"]
            self.process = subprocess.Popen(command, env=settings, stdout=out, stderr=out)

    def says(self, what: str) -> bool:
        return what in self.path.read_text()


def eventually(found: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not found():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.mark.timeout(400)
def test_of_two_feeds_one_hears_and_the_other_takes_over_when_it_is_killed(
    feed: Callable[[], Feed], venue: ServedVenue
) -> None:
    def heard() -> int:
        return wiring.counters().all().get("ticks_received", 0)

    def ready() -> bool:
        return bool((wiring.feed_status().read() or {}).get("ready"))

    first = feed()
    eventually(ready, "the first hears")
    second = feed()
    eventually(lambda: second.says("stands by"), "the second stands by")
    venue.tick("BTC/USDT", 64_000)
    eventually(lambda: heard() == 1, "one tick is heard once")

    first.process.kill()
    first.process.wait()
    eventually(lambda: second.says("leads"), "the second leads")
    venue.tick("BTC/USDT", 64_001)
    eventually(lambda: heard() >= 2, "it hears")


@pytest.mark.timeout(400)
def test_a_feed_that_was_held_up_finds_another_and_ends(feed: Callable[[], Feed], venue: ServedVenue) -> None:
    first = feed()
    eventually(lambda: first.says("leads"), "the first leads")
    second = feed()
    eventually(lambda: second.says("stands by"), "the second stands by")
    first.process.send_signal(signal.SIGSTOP)
    eventually(lambda: second.says("leads"), "the second leads")

    first.process.send_signal(signal.SIGCONT)

    assert first.process.wait(PATIENCE_S) == 1
    assert first.says("another feed leads now")
