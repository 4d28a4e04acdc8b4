"""What processes have of their own, and what a child must not share."""

import sys
from collections.abc import Iterable, Mapping
from functools import cache

from app.domain.progress import Watch
from app.heartbeats import Heartbeats
from app.roll import Roll
from app.settings import Settings, apart
from app.wiring import _alerts, _clock, _console, _database, _decisions, _redis, _settings, _venue
from app.wiring._database import database
from app.wiring._settings import settings


@cache
def heartbeats() -> Heartbeats:
    """What the workers of this machine tell of themselves."""
    return Heartbeats(settings().data_dir / "heartbeats")


@cache
def roll() -> Roll:
    """What the supervisor of this machine tells of its services."""
    return Roll(settings().data_dir / "services.json")


def new_watch() -> Watch:
    """To look at one worker with."""
    return Watch(settings().stuck_s)


def after_fork() -> None:
    """What a child of this process must not share with it is made anew."""
    if database.cache_info().currsize:
        database().after_fork()
    reset()


def live_apart(own: Mapping[str, str], *, typed: Iterable[str] = (), like: Settings | None = None) -> None:
    """`app.settings.apart`, and everything is built anew from what it leaves."""
    apart.live_apart(own, typed=typed, like=like)
    reset()


def reset() -> None:
    """Forget everything that was built, settings too."""
    for room in (_settings, _alerts, _console, _decisions, _database, _redis, _clock, _venue, sys.modules[__name__]):
        for made in vars(room).values():
            if hasattr(made, "cache_clear"):
                made.cache_clear()
