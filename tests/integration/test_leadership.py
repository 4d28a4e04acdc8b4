"""Of several processes of a service one leads, over a real Redis; the others stand by, and one takes over."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname
from typing import Any

import pytest
import redis
from structlog.testing import capture_logs

from app import wiring
from app.bus import Keys, Leadership
from app.celery import farm
from tasks._scheduler import OneScheduler

LONG_MS = 60_000
TICK = ("BTC/USDT", 1, 1.0, 1.0, "buy", 1)


@pytest.fixture
def candidate(redis_client: "redis.Redis", keys: Keys) -> Callable[..., Leadership]:
    """One who would lead."""

    def made(lease_ms: int = LONG_MS, service: str = "beat") -> Leadership:
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
    assert candidate(service="another").hold() is None


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
        print(Leadership(connect({redis_url!r}), Keys({keys.prefix!r}), "beat", {LONG_MS}).hold(), flush=True)
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
    redis_client.set(keys.leader("beat"), "another-boot.1|999999999|far|token", px=100)
    here = candidate()

    assert here.hold() == "far 999999999"
    time.sleep(0.15)
    assert here.hold() is None


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
